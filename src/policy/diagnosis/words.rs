//! The sentences. They name what the operator can see: keys of `gateway.toml`, what the cloud's console calls things.

use super::{Advice, Finding, Held, NotIssued};
use crate::error::ClockOff;

/// Of tokens: which ones upstream takes at all.
const FOR_A_PROJECT: &str = "The token must be for the project of upstream's region: one for the whole account (domain scope) is not taken.";

/// Of all wrong signatures.
const LOCKS: &str = "Do not try again and again: more than five wrong signatures in a row lock the key for five minutes, for everybody who uses it.";

// === impl Finding ===

impl Finding {
    /// What is wrong, and what to do about it.
    #[must_use]
    pub fn advice(self, held: Held) -> Advice {
        match self {
            Self::ClockOff(off) => clock_off(off),
            Self::BadSignature => bad_signature(held),
            Self::UnknownKey => unknown_key(held),
            Self::KeyLocked => Advice::new(
                "The access key is locked: some program, this one or another, has sent more than five wrong signatures in a row with it.",
                "Find the program that signs with a wrong secret key and stop it, send nothing with this key for five minutes, then check again.",
            ),
            Self::TokenDead => token_dead(held),
            Self::TokenUnreadable => token_unreadable(held),
            Self::NotAnApp => Advice::new(
                "Upstream takes the credential for that of an app of an API gateway, and not of an IAM user.",
                "Use the access key and secret key of an IAM user (not an AppKey and AppSecret), and check upstream.endpoint.",
            ),
            Self::Refused => refused(held),
            Self::UserNotAllowed => user_not_allowed(held),
            Self::ProjectUnavailable => Advice::new(
                "The cloud project is not available. Most often it is suspended because the account is in arrears.",
                "Look at the account's balance and at the state of the project of upstream's region; if upstream.credential.project_id is set, check it.",
            ),
            Self::QuotaUsedUp => Advice::new(
                "The calls that the account may make are used up.",
                "Look at the account's quota for this API in the cloud's console.",
            ),
            Self::Frozen => Advice::new(
                "Calls are frozen because the account's balance is used up.",
                "Settle the account's arrears. Tokens that were issued before may be dead: get a new one then.",
            ),
            Self::ServiceNotInRegion => Advice::new(
                "The service is not available in this region.",
                "Set upstream.region (or upstream.endpoint) to the region where the CodeArts projects are.",
            ),
            Self::UserNotInRegion => Advice::new(
                "The user may not use this region.",
                "Set upstream.region (or upstream.endpoint) to the region where the CodeArts projects are, or have the account opened for this one.",
            ),
            Self::AddressNotLetIn => Advice::new(
                "Upstream does not let the network address in that this machine is seen under.",
                "Have this machine's outgoing address added to the access control of the IAM account, or go out by an address that is in it.",
            ),
            Self::NoSuchApi => Advice::new(
                "There is no job info API at this endpoint: it is that of another service, or the region has none.",
                "Check upstream.region and upstream.endpoint. For most regions the endpoint is https://cloudbuild-ext.REGION.myhuaweicloud.com.",
            ),
            Self::WrongProtocol => Advice::new(
                "Upstream wants another protocol.",
                "Write upstream.endpoint with https://.",
            ),
            Self::RequestRefused => request_refused(held),
            Self::Throttled => Advice::new(
                "Upstream throttles: the user's calls are used up, by this program or by others with the same user. This tells nothing of the credential.",
                "Wait for as long as upstream says, or a minute, and check again. Set budget.requests and budget.window to the limit that it names.",
            ),
            Self::IamDown => Advice::new(
                "Upstream cannot ask IAM at the moment. This tells nothing of the credential.",
                "Check again in some minutes.",
            ),
            Self::UpstreamFails => Advice::new(
                "Upstream itself fails. This tells nothing of the credential.",
                "Check again in some minutes. If it stays, give the request id to the vendor's support.",
            ),
            Self::Redirected => Advice::new(
                "The answer leads to another address, which the API never does: the endpoint is that of a web site, or a proxy on the way wants a login.",
                "Check upstream.endpoint, and whether this machine reaches the internet without a proxy.",
            ),
            Self::NotUpstream => Advice::new(
                "The answer is none of the API: a proxy, a firewall, a load balancer or a web site has answered in its place.",
                "Check upstream.endpoint, and whether something on the way answers for upstream (`curl -i` the endpoint shows who).",
            ),
            Self::NoSuchJob => Advice::new(
                "Upstream knows no such job, or the credential's user may not see it.",
                "Check the id (the end of the task page's URL), and that the user is a member of the job's CodeArts project.",
            ),
            Self::JobRefused => Advice::new(
                "The credential is good, but the build service refuses what it was asked for.",
                "Check again with --job and the id of a job that the credential's user can see.",
            ),
        }
    }
}

fn clock_off(off: ClockOff) -> Advice {
    let wrong = format!(
        "This machine's clock is {off} upstream's, and a signature is good for 15 minutes."
    );
    Advice::new(
        wrong,
        "Set the clock, and keep it right with a time service (NTP). The credential itself may be good. (`serve` signs by upstream's time once a refusal has shown it.)",
    )
}

fn bad_signature(held: Held) -> Advice {
    match held {
        Held::Keys => Advice::new(
            "The secret key does not belong to the access key.",
            format!(
                "Put in the secret key that was issued with this access key, or make a new pair. {LOCKS}"
            ),
        ),
        Held::TemporaryKeys => Advice::new(
            "Access key, secret key and security token do not belong together, or have expired.",
            format!("Take all three from one answer, and replace them together. {LOCKS}"),
        ),
        Held::Metadata => Advice::new(
            "The temporary keys that the cloud server's metadata service gave are refused.",
            format!(
                "Check that metadata_endpoint is that of this server, and that upstream is of the same cloud. {LOCKS}"
            ),
        ),
        Held::Token | Held::Password => refused(held), // nothing was signed
    }
}

fn unknown_key(held: Held) -> Advice {
    match held {
        Held::Keys => Advice::new(
            "Upstream does not know the access key: it is mistyped, was deleted or disabled, or is one of another cloud site.",
            "Compare it with the access keys of the IAM user (My Credentials), and check upstream.region.",
        ),
        Held::TemporaryKeys | Held::Metadata => Advice::new(
            "Upstream does not know the temporary access key: it has expired, or is one of another cloud site.",
            "Renew the keys, all three together, and check upstream.region.",
        ),
        Held::Token | Held::Password => refused(held), // there was no key
    }
}

fn token_dead(held: Held) -> Advice {
    let wrong = "The token has expired, was revoked, or was issued for another region.";
    match held {
        Held::Token => Advice::new(
            wrong,
            format!(
                "Get a new one; tokens live 24 hours, and die within half an hour when the user's password, keys or rights change or the account is in arrears. {FOR_A_PROJECT}"
            ),
        ),
        Held::Password => Advice::new(
            "A token that IAM has just given is refused: it was issued for another region, or revoked at once.",
            "Make upstream.credential.project the project of upstream's region, and iam_endpoint an IAM of the same cloud. Arrears of the account kill tokens, too.",
        ),
        Held::Keys | Held::TemporaryKeys | Held::Metadata => refused(held), // there was no token
    }
}

fn token_unreadable(held: Held) -> Advice {
    match held {
        Held::Token => Advice::new(
            "What was sent as token is none that this cloud has issued: it is cut off, has something else in it, or is from another cloud.",
            format!(
                "Take the whole value of the header X-Subject-Token of IAM's answer, some thousand characters on one line. {FOR_A_PROJECT}"
            ),
        ),
        Held::TemporaryKeys | Held::Metadata => Advice::new(
            "The security token beside the temporary keys cannot be read: it is cut off, or is from another cloud.",
            "Renew the keys, all three together, and take the security token whole.",
        ),
        Held::Password => Advice::new(
            "A token that IAM has just given cannot be read by upstream: they are of different clouds.",
            "Make iam_endpoint the IAM of the cloud and region that upstream.endpoint is in.",
        ),
        Held::Keys => refused(held), // there was no token
    }
}

fn refused(held: Held) -> Advice {
    let wrong = "Upstream refuses the credential and does not say why.";
    match held {
        Held::Token => Advice::new(wrong, format!("Get a new token. {FOR_A_PROJECT}")),
        Held::Password => Advice::new(
            wrong,
            "Check that upstream.credential.project is the project of upstream's region, and that iam_endpoint and upstream.endpoint are of one cloud.",
        ),
        Held::Keys | Held::TemporaryKeys | Held::Metadata => Advice::new(
            wrong,
            format!(
                "Check that the keys are those of an IAM user of the cloud that upstream.endpoint is in, and still enabled. {LOCKS}"
            ),
        ),
    }
}

fn user_not_allowed(held: Held) -> Advice {
    let wrong = "The credential is known, but its user may not use this API.";
    let action = "Give the IAM user rights for CodeArts Build in the project of upstream's region, and make it a member of the CodeArts projects.";
    match held {
        Held::Token => Advice::new(wrong, format!("{action} {FOR_A_PROJECT}")),
        Held::Metadata => Advice::new(
            "The keys of the cloud server's agency are known, but the agency may not use this API.",
            "Give the agency rights for CodeArts Build in the project of upstream's region.",
        ),
        Held::Keys | Held::TemporaryKeys | Held::Password => Advice::new(wrong, action),
    }
}

fn request_refused(held: Held) -> Advice {
    let wrong = "Upstream refuses the request itself, before it looks at the credential.";
    match held {
        Held::Token | Held::Password => Advice::new(
            wrong,
            "Check upstream.endpoint. A token of more than some 10 KB may be too long for something on the way: IAM issues shorter ones to users in fewer groups.",
        ),
        Held::Keys | Held::TemporaryKeys | Held::Metadata => Advice::new(
            wrong,
            "Check upstream.endpoint, and whether a proxy on the way changes requests.",
        ),
    }
}

// === impl NotIssued ===

impl NotIssued {
    /// What is wrong, and what to do about it.
    #[must_use]
    pub fn advice(self, held: Held) -> Advice {
        match (self, held) {
            (Self::Refused, Held::Metadata) => Advice::new(
                "The metadata service gives no keys: the cloud server has no agency.",
                "Assign an agency with rights for CodeArts Build to this cloud server (its page in the console, under Agency).",
            ),
            (_, Held::Metadata) => Advice::new(
                "The metadata service does not answer as that of a cloud server.",
                "kind = \"metadata\" works only on a server of this cloud. Check upstream.credential.metadata_endpoint, and that a firewall or a container network lets 169.254.169.254 through.",
            ),
            (Self::Refused, _) => Advice::new(
                "IAM refuses the account, user, password or project.",
                "Compare domain, user, password and project with IAM. It was asked once, and is not asked again: a few wrong passwords lock the user for minutes to a day, so set them right before the next try. An account's own login (HUAWEI ID) gets no token; it must be an IAM user.",
            ),
            (Self::Forbidden, _) => Advice::new(
                "IAM knows the user, but gives it no token: it is locked after wrong passwords, has no programmatic access, or no rights.",
                "Look at the user in IAM: programmatic access must be on. If it is locked, wait (15 minutes to a day, as the account's login policy says) and find who uses the wrong password.",
            ),
            (Self::Unavailable, _) => Advice::new(
                "IAM gives no token at the moment. This tells nothing of user and password.",
                "Check again in some minutes; check upstream.credential.iam_endpoint if it stays.",
            ),
        }
    }
}
