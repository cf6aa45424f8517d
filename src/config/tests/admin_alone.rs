//! `[admin]` judged alone, for whoever asks a running gateway.

use super::super::{AdminSettings, Faults, SecretSource, check_admin};
use super::manual::DOCUMENTED;
use super::{file, variables};

fn admin(text: &str, environment: &[(&str, &str)]) -> Result<AdminSettings, Faults> {
    check_admin(Some(&file(text)), variables(environment))
}

#[test]
fn what_else_the_file_and_the_environment_say_is_not_judged() {
    let others = "[server]\nlisten = \"127.0.0.1:9090\"\n[cache]\ntll = 3\n[upstream]\nregion = \"nowhere\"\n[admn]\n";
    let environment = [("JOBGATE_CACHE__TTL", "soon"), ("JOBGATE_NO__KEY", "1")];
    for text in [DOCUMENTED, others, ""] {
        let admin = admin(text, &environment).unwrap();
        assert_eq!(
            admin.listen.map(|addr| addr.to_string()).as_deref(),
            Some("127.0.0.1:9090")
        );
        assert_eq!(admin.token, None);
    }
}

#[test]
fn where_to_ask_and_where_the_token_is_are_read_with_the_environment_over_them() {
    let text = "[admin]\nlisten = \"127.0.0.1:1\"\ntoken_file = \"token\"\n";
    let settings = admin(text, &[("JOBGATE_ADMIN__LISTEN", "127.0.0.1:2")]).unwrap();
    assert_eq!(settings.listen.map(|addr| addr.port()), Some(2));
    assert_eq!(settings.token, Some(SecretSource::File("token".into())));
}

#[test]
fn every_fault_of_the_section_is_told_and_none_of_another() {
    let text = "[admin]\nlisten = \"here\"\ntokn_env = \"T\"\n[cache]\nttl = 3\n";
    let environment = [("JOBGATE_ADMIN__TOKEN_ENV", "a token")];
    let faults = admin(text, &environment).unwrap_err();
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    let begins = [
        "gateway.toml:2: admin.listen = \"here\": ",
        "gateway.toml:3: admin.tokn_env: unknown key; did you mean `token_env`?",
        "environment variable JOBGATE_ADMIN__TOKEN_ENV: admin.token_env: must be the name",
    ];
    assert_eq!(faults.len(), begins.len(), "{faults:#?}");
    for (fault, begin) in faults.iter().zip(begins) {
        assert!(fault.starts_with(begin), "{begin}: {fault}");
    }

    let misshapen = admin("admin = 3", &[]).unwrap_err().to_string();
    assert!(
        misshapen.contains("admin: must be a section"),
        "{misshapen}"
    );
    let broken = admin("[cache]\nttl = \n", &[]).unwrap_err().to_string();
    assert!(
        broken.starts_with("gateway.toml:2:") && broken.contains("not TOML"),
        "{broken}"
    );
}
