use tokio::net::{TcpListener, TcpStream};

use super::*;

const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[cfg(target_endian = "little")]
#[test]
fn a_table_is_read() {
    let table = format!(
        "{HEAD}\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1\n   \
         1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 2 1\n   \
         2: 0100007F:C001 0100007F:1F90 01 00000000:00000000 02:00000A1B 00000000  1001        0 3 2\n"
    );
    let (ours, peer) = (socket("127.0.0.1:8080"), socket("127.0.0.1:49153"));
    let owner = Owner { uid: 1001, is_held: true };
    assert_eq!(find(&table, peer, ours), Some(owner), "not the owner of our own end");
    assert_eq!(find(&table, socket("127.0.0.1:49154"), ours), None);
    assert_eq!(find(&table, peer, socket("127.0.0.1:8081")), None);
    let closed = table.replace("1001        0 3 2", "   0        0 0 2");
    assert_eq!(find(&closed, peer, ours), Some(Owner { uid: 0, is_held: false }));
    let mapped = "0000000000000000FFFF00000100007F:C001";
    assert_eq!(address(mapped), Some(peer));
    assert_eq!(address("00000000000000000000000001000000:1F90"), Some(socket("[::1]:8080")));
    for text in
        ["", ":", "0100007F", "0100007F:", "0100007:1F90", "0100007G:1F90", "0100007F:1F90F"]
    {
        assert_eq!(address(text), None, "{text:?}");
    }
}

/// What the kernel of this machine says.
#[tokio::test]
async fn our_own_connections_are_known() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ours = listener.local_addr().unwrap();
    let client = TcpStream::connect(ours).await.unwrap();
    let (_accepted, peer) = listener.accept().await.unwrap();
    check(peer, ours).await.unwrap();
    assert!(matches!(check(ours, peer).await, Ok(())), "the other end is ours too");
    // A connection that nobody has.
    let nobody = check(socket("127.0.0.2:1"), ours).await.unwrap_err();
    assert!(matches!(nobody, Stranger::Unknown(_)), "{nobody}");
    drop(client);
}

#[tokio::test]
async fn sockets_of_ipv6_that_speak_ipv4_are_known() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ours = listener.local_addr().unwrap();
    let mapped: SocketAddr = format!("[::ffff:127.0.0.1]:{}", ours.port()).parse().unwrap();
    let Ok(client) = TcpStream::connect(mapped).await else { return };
    let (_accepted, peer) = listener.accept().await.unwrap();
    check(peer, ours).await.unwrap();
    drop(client);
}

/// A stranger who sends a request and closes the connection at once leaves a socket that belongs to nobody,
/// which the kernel lists as root's.
#[tokio::test]
async fn what_nobody_holds_any_more_is_nobodys() {
    use tokio::io::AsyncWriteExt as _;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ours = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(ours).await.unwrap();
    client.write_all(b"POST / HTTP/1.1").await.unwrap();
    drop(client);
    let (_accepted, peer) = listener.accept().await.unwrap();
    for owner in [diag::owner(peer, ours).unwrap(), look_up(peer, ours).await.unwrap()] {
        assert!(owner.is_none_or(|owner| !owner.is_held), "{owner:?}");
    }
    assert!(matches!(check(peer, ours).await, Err(Stranger::Unknown(_))));
}

#[tokio::test]
async fn the_kernel_and_its_tables_say_the_same() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(address).await else { continue };
        let ours = listener.local_addr().unwrap();
        let client = TcpStream::connect(ours).await.unwrap();
        let (_accepted, peer) = listener.accept().await.unwrap();
        let told = diag::owner(peer, ours).unwrap();
        assert_eq!(told, Some(Owner { uid: nix::unistd::geteuid().as_raw(), is_held: true }));
        assert_eq!(look_up(peer, ours).await.unwrap(), told);
        // Of somebody who only listens there, nothing is said.
        let other = TcpListener::bind(address).await.unwrap().local_addr().unwrap();
        assert_eq!(diag::owner(ours, other).unwrap(), None);
        drop(client);
    }
}
