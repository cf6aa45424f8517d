//! Credentials of files, which others renew.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Clock, Credential, Health, Keeper, MINUTE, Rest, SECOND, send};
use crate::config::{CredentialSettings, SecretSource};
use crate::credential::tests::upstream;
use crate::policy::hold::CredentialKind;

/// Which credential a file is of.
type Settings = fn(PathBuf) -> CredentialSettings;

/// What the file holds for the n-th time.
type Content = fn(usize) -> String;

/// A credential of a file in a folder of its own.
struct Scene {
    folder: TempDir,
    clock: Clock,
    credential: Arc<Credential>,
    keeper: Keeper,
    rest: Rest,
}

// === impl Scene ===

impl Scene {
    fn new(content: &str, settings: Settings) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, content).unwrap();
        let (clock, rest) = (Clock::manual(), Rest::default());
        let credential = Credential::open(&upstream(settings(path)), &env, &clock);
        let credential = Arc::new(credential.unwrap_or_else(|fault| panic!("{fault}")));
        let keeper = Keeper::new(Arc::clone(&credential), rest.clone(), clock.clone(), 7);
        Self {
            folder,
            clock,
            credential,
            keeper,
            rest,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    fn write(&self, content: &str) {
        fs::write(self.path(), content).unwrap();
    }

    async fn step(&mut self) {
        self.clock.advance(SECOND);
        self.keeper.step().await;
    }

    /// A call is sent and refused, after which calls rest.
    async fn refuse(&mut self) {
        let (_, used) = send(&self.credential, self.clock.wall()).unwrap();
        assert!(!self.credential.renew(401, used).await);
        self.rest.begin();
    }

    fn health(&self) -> Health {
        self.credential.health(self.clock.wall())
    }

    fn why(&self) -> String {
        self.health().why.unwrap_or_default()
    }
}

fn env(name: &str) -> Option<String> {
    Some(format!("the-value-of-{name}"))
}

fn token(path: PathBuf) -> CredentialSettings {
    CredentialSettings::Token(SecretSource::File(path))
}

fn secret_key(path: PathBuf) -> CredentialSettings {
    CredentialSettings::AkSk {
        access_key_env: "AK".to_owned(),
        secret_key: SecretSource::File(path),
        security_token: None,
        project_id: None,
    }
}

fn keys_file(path: PathBuf) -> CredentialSettings {
    CredentialSettings::KeysFile {
        path,
        project_id: None,
    }
}

fn keys(nth: usize, end: &str) -> String {
    format!(
        r#"{{"credential":{{"access":"AK{nth}","secret":"the-secret-key-number-{nth}",
            "securitytoken":"the-security-token-{nth}","expires_at":"{end}"}}}}"#
    )
}

const FAR: &str = "2999-01-01T00:00:00.000000Z";

#[tokio::test]
async fn a_file_that_changes_ends_the_rest_within_a_second_and_only_then() {
    let plain = |nth| format!("the-secret-number-{nth}");
    let cases: [(Settings, Content); 3] = [
        (token, plain),
        (secret_key, plain),
        (keys_file, |nth| keys(nth, FAR)),
    ];
    for (settings, content) in cases {
        let mut scene = Scene::new(&content(1), settings);
        scene.step().await;
        scene.refuse().await;
        scene.step().await;
        scene.write(&content(1)); // touched, but the same
        scene.step().await;
        assert_eq!(scene.rest.times_woken(), 0);
        scene.write(&content(22));
        scene.step().await;
        assert_eq!(scene.rest.times_woken(), 1);
        scene.refuse().await;
        scene.step().await;
        assert_eq!(scene.rest.times_woken(), 1, "refused, too");
    }
}

#[tokio::test]
async fn a_file_that_is_swapped_behind_a_link_has_changed() {
    let folder = TempDir::new().unwrap();
    for (name, content) in [
        ("old", "the-old-token-of-all"),
        ("new", "the-new-token-of-all"),
    ] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("token"), content).unwrap();
    }
    let link = folder.path().join("data");
    symlink("old", &link).unwrap();
    let clock = Clock::manual();
    let credential = Credential::open(&upstream(token(link.join("token"))), &env, &clock);
    let credential = Arc::new(credential.ok().unwrap());
    let rest = Rest::default();
    let mut keeper = Keeper::new(Arc::clone(&credential), rest.clone(), clock.clone(), 7);
    keeper.step().await;
    let (_, used) = send(&credential, clock.wall()).unwrap();
    assert!(!credential.renew(401, used).await);
    rest.begin();
    // as a cluster does it: another link, moved over the old one
    symlink("new", folder.path().join("next")).unwrap();
    fs::rename(folder.path().join("next"), &link).unwrap();
    keeper.step().await;
    assert_eq!(rest.times_woken(), 1);
    let (headers, _) = send(&credential, clock.wall()).unwrap();
    assert_eq!(headers["x-auth-token"], "the-new-token-of-all");
}

#[tokio::test]
async fn a_file_that_is_gone_or_broken_is_told_until_it_is_back() {
    let mut scene = Scene::new(&keys(1, FAR), keys_file);
    scene.step().await;
    assert!(scene.health().available && scene.why().is_empty());
    fs::remove_file(scene.path()).unwrap();
    scene.step().await;
    assert!(!scene.health().available);
    assert!(scene.why().contains("cannot read file"), "{}", scene.why());
    scene.write("{");
    scene.step().await;
    assert!(scene.why().contains("no JSON like"), "{}", scene.why());
    assert!(send(&scene.credential, scene.clock.wall()).is_err());
    scene.write(&keys(2, FAR));
    scene.step().await;
    assert!(scene.health().available && scene.why().is_empty());
}

#[tokio::test]
async fn keys_of_a_file_are_always_of_one_reading_and_former_ones_stay_secret() {
    let mut scene = Scene::new(&keys(1, FAR), keys_file);
    assert_eq!(scene.credential.kind(), CredentialKind::Lockable);
    for nth in 2..20 {
        scene.write(&keys(nth, FAR));
        let (headers, _) = send(&scene.credential, scene.clock.wall()).unwrap();
        let text = |name| {
            headers
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let signed_with = text("authorization").unwrap();
        assert!(
            signed_with.contains(&format!("Access=AK{nth},")),
            "{signed_with}"
        );
        let token = format!("the-security-token-{nth}");
        assert_eq!(text("x-security-token"), Some(token));
        for known in [nth - 1, nth] {
            let text = format!("the-secret-key-number-{known}");
            assert!(scene.credential.echoed_in(text.as_bytes()));
        }
    }
    scene.step().await;
}

#[tokio::test]
async fn keys_that_are_over_are_not_sent_until_the_file_says_otherwise() {
    let mut scene = Scene::new(&keys(1, "2020-01-08T03:50:07.574000Z"), keys_file);
    scene.step().await;
    let health = scene.health();
    let end = health.expires_at.unwrap();
    assert!(!health.available && health.expires_in == Some(Duration::ZERO));
    assert!(health.expired_since > Some(MINUTE), "{health:?}");
    assert_eq!(
        scene.why(),
        "the keys of the file expired at 2020-01-08T03:50:07Z; calls go on when it is renewed"
    );
    assert!(
        send(&scene.credential, end + MINUTE).is_ok(),
        "clocks differ"
    );
    let error = send(&scene.credential, end + MINUTE + SECOND).unwrap_err();
    assert!(error.to_string().contains("have expired"), "{error}");
    scene.write(&keys(1, "2020-01-08T04:50:07.574000Z")); // the same keys, good for longer
    assert!(send(&scene.credential, end + MINUTE + SECOND).is_ok());
}

#[tokio::test]
async fn what_can_never_change_needs_no_task() {
    let credential = Credential::from_token("a-token-of-the-tests");
    let credential = Arc::new(credential.ok().unwrap());
    let keeper = Keeper::new(credential, (), Clock::manual(), 7);
    keeper.run(CancellationToken::new()).await; // ends although nobody stops it
}
