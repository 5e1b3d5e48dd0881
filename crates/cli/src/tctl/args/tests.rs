use clap::{CommandFactory, Parser as _};

use super::*;

fn parse(line: &str) -> Result<Args, clap::Error> {
    Args::try_parse_from(line.split(' '))
}

#[test]
fn the_definition_holds_together() {
    Args::command().debug_assert();
}

#[test]
fn every_documented_command_line_is_understood() {
    for line in [
        "tctl create",
        "tctl create -f app.yaml",
        "tctl create --force a.yaml b.yaml -",
        "tctl create --confirm cap.yaml",
        "tctl get app",
        "tctl get app/x,roles --format json --with-secrets -v",
        "tctl get all",
        "tctl rm app/x",
        "tctl del app/x",
        "tctl edit role/x",
        "tctl users add alice --roles=a,b --logins=root --ttl=1h --format=json",
        "tctl users update alice --set-roles=a --set-logins=b",
        "tctl users ls --format=yaml",
        "tctl users rm a,b",
        "tctl users reset alice --ttl=8h",
        "tctl tokens add --type=app,proxy --ttl=1h --value=v --labels=k=v --format=text",
        "tctl tokens add --type=app --app-name=n --app-uri=http://localhost",
        "tctl tokens ls --with-secrets --labels=k=v",
        "tctl tokens rm t",
        "tctl apps ls words --search=a --query=q -v --format=json",
        "tctl status",
        "tctl auth sign --user=u --out=f --ttl=1h",
        "tctl audit ls --user=u --app=a --event=e --since=1h --until=30m --limit=5 --format=json",
        "tctl lock --user=u --role=r --message=m --ttl=10h",
        "tctl lock --mfa-device=d --expires=2030-01-01T00:00:00Z",
        "tctl policy test a.yaml b.yaml --format=junit --out=o.xml",
        "tctl policy explain --user=u --app=a --tool=t --mfa --format=json",
        "tctl policy explain --user=u --verb=v --kind=k --name=n",
        "tctl policy explain --role a.yaml b.yaml --traits=n=v1,v2 --traits=m=w --labels=k=v --prompt=p",
        "tctl policy diff -f a.yaml b.yaml --tools=a,b --format=json",
        "tctl policy who --app=a --resource=r --format=yaml",
        "tctl version",
        "tctl -c f status",
        "tctl status -i f --auth-server h:1 -d",
    ] {
        assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    for line in [
        "tctl",
        "tctl get",
        "tctl rm",
        "tctl edit",
        "tctl get app --format xml",
        "tctl users add alice",
        "tctl tokens add",
        "tctl tokens add --type=ssh",
        "tctl tokens add --type=auth",
        "tctl tokens add --type=app --app-name=n",
        "tctl auth sign --user=u",
        "tctl audit ls --limit=0",
        "tctl lock --user=u --ttl=1h --expires=2030-01-01T00:00:00Z",
        "tctl lock --user=u --ttl=0",
        "tctl lock --user=u --ttl=10",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn an_unknown_format_is_named() {
    let error = parse("tctl get app --format xml").unwrap_err().to_string();
    assert!(error.contains("'xml'"), "{error}");
}

#[test]
fn the_auth_server_gets_its_port() {
    let args = parse("tctl --auth-server auth.example.com status").unwrap();
    assert_eq!(args.global.auth_server().as_deref(), Some("auth.example.com:3025"));
}

#[test]
fn a_named_configuration_file_is_remembered_as_such() {
    let args = parse("tctl -c /tmp/x.yaml status").unwrap();
    assert_eq!(args.global.config(), ConfigFile { path: "/tmp/x.yaml".into(), is_named: true });
}
