//! Options as a document.

use resource::Secrets;

use super::*;
use crate::tctl::sso::configure::testing::secret_file;

fn github(change: fn(&mut Github)) -> anyhow::Result<Resource> {
    let (_folder, secret_file) = secret_file();
    let mut github = Github {
        name: "gh".to_owned(),
        id: "gateway".to_owned(),
        teams_to_roles: vec!["octo-org,eng,dev,ops".to_owned()],
        secret_file,
        ..Github::default()
    };
    change(&mut github);
    github.document()
}

#[test]
fn what_is_printed_can_be_created() {
    let connector = github(|_| {}).unwrap();
    let text = connector.to_yaml(Secrets::Include);
    assert!(text.contains("client_secret: s\n") && text.contains("team: eng\n"), "{text}");
    let Resource::Github(read) = connector else { panic!("another kind") };
    assert_eq!(read.spec.teams_to_roles[0].roles, ["dev", "ops"]);
}

#[test]
fn what_cannot_be_created_is_not_printed() {
    let refused = |change| github(change).unwrap_err().to_string();
    assert!(refused(|github| github.teams_to_roles = vec!["eng,dev".to_owned()]).contains("TEAM"));
    assert!(
        refused(|github| github.endpoint_url = Some("http://git.example.com".to_owned()))
            .contains("https")
    );
}
