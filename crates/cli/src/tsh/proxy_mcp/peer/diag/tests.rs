use super::*;

fn answer(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut answer = vec![0; HEADER];
    answer[4..6].copy_from_slice(&kind.to_ne_bytes());
    answer.extend_from_slice(body);
    answer
}

#[test]
fn answers_are_read_with_care() {
    let (peer, ours) = ("127.0.0.1:5000".parse().unwrap(), "127.0.0.1:80".parse().unwrap());
    let question = question(peer, ours);
    assert_eq!(question.len(), HEADER + QUESTION);
    let body = |id: &[u8], uid: u32, inode: u32| {
        let mut body = vec![2, 1, 0, 0];
        body.extend_from_slice(id);
        body.resize(64, 0);
        body.extend(uid.to_ne_bytes());
        body.extend(inode.to_ne_bytes());
        body
    };
    let id = &question[HEADER + 8..HEADER + 8 + 36];
    let told = |bytes: &[u8]| read(bytes, peer, ours);
    let owner = Owner { uid: 7, is_held: true };
    assert_eq!(told(&answer(BY_FAMILY, &body(id, 7, 9))), Ok(Some(owner)));
    assert_eq!(
        told(&answer(BY_FAMILY, &body(id, 0, 0))),
        Ok(Some(Owner { uid: 0, is_held: false }))
    );
    let mut listener = id.to_vec();
    listener[2..4].fill(0);
    assert_eq!(told(&answer(BY_FAMILY, &body(&listener, 7, 9))), Ok(None));
    let mut mapped = body(id, 7, 9);
    mapped[0] = 10;
    mapped[8..24]
        .copy_from_slice(&"::ffff:127.0.0.1".parse::<std::net::Ipv6Addr>().unwrap().octets());
    mapped.copy_within(8..24, 24);
    assert_eq!(told(&answer(BY_FAMILY, &mapped)), Ok(Some(owner)));
    assert_eq!(told(&answer(ERROR, &(-2_i32).to_ne_bytes())), Ok(None));
    assert_eq!(told(&answer(ERROR, &(-1_i32).to_ne_bytes())), Err(Errno::EPERM));
    for broken in
        [&[][..], &answer(BY_FAMILY, &body(id, 7, 9)[..66]), &answer(3, &[]), &answer(ERROR, &[])]
    {
        assert_eq!(told(broken), Err(Errno::EPROTO));
    }
}
