use super::*;

fn table() -> Table {
    let mut table = Table::new(&["Name", "Labels"]).elastic("Labels");
    table.row(vec!["a".into(), "env=dev,team=platform".into()]);
    table.row(vec!["longer".into(), String::new()]);
    table
}

#[test]
fn columns_are_as_wide_as_their_content() {
    assert_eq!(
        table().render(None),
        "Name   Labels\n------ ---------------------\na      env=dev,team=platform\nlonger"
    );
}

#[test]
fn the_elastic_column_gives_way() {
    assert_eq!(
        table().render(Some(23)),
        "Name   Labels\n------ ----------------\na      env=dev,team=...\nlonger"
    );
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let mut table = Table::new(&["Name"]);
    table.row(vec!["a\u{1b}[2Jb\nc".into()]);
    assert_eq!(table.render(None), "Name\n-------\na [2Jb c".replace("-------", "--------"));
}
