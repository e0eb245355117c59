//! Keys, ids and texts: small, and never to change.

use ff_domain::{
    ApiKeyId, EnvironmentId, FlagId, FlagKey, InvalidKey, MembershipId, OrganizationId, ProjectId,
    SegmentId, UserId, VariationKey,
    text::{check_description, check_name, check_tags},
};
use uuid::Uuid;

use crate::fixture::key;

#[test]
fn a_key_is_what_fits_in_a_url_and_in_code() {
    for good in ["a", "9", "A.b_c-D", "new-checkout.v2", &"x".repeat(128)] {
        assert_eq!(FlagKey::parse(good).unwrap().as_str(), good);
    }
    let cases = [
        ("", InvalidKey::Empty),
        ("-a", InvalidKey::Start('-')),
        (".", InvalidKey::Start('.')),
        ("é", InvalidKey::Start('é')),
        ("a b", InvalidKey::Character(' ')),
        ("a/b", InvalidKey::Character('/')),
        ("aé", InvalidKey::Character('é')),
        ("a\n", InvalidKey::Character('\n')),
    ];
    for (bad, expected) in cases {
        assert_eq!(FlagKey::parse(bad), Err(expected), "{bad:?}");
        let json = serde_json::to_string(bad).unwrap();
        assert!(serde_json::from_str::<FlagKey>(&json).is_err(), "{bad:?}");
    }
    assert_eq!(FlagKey::parse("x".repeat(129)), Err(InvalidKey::TooLong(129)));
    assert_ne!(key::<FlagKey>("a"), key("A"), "keys are case-sensitive");
}

#[test]
fn a_variation_may_be_called_anything_that_can_be_read() {
    for good in ["10%", "très grand", "a b", "-", &"é".repeat(128)] {
        assert_eq!(VariationKey::parse(good).unwrap().as_str(), good);
    }
    for bad in [" a", "a ", "a\tb", " "] {
        assert_eq!(VariationKey::parse(bad), Err(InvalidKey::Blank), "{bad:?}");
    }
    assert_eq!(VariationKey::parse(""), Err(InvalidKey::Empty));
    assert_eq!(VariationKey::parse("é".repeat(129)), Err(InvalidKey::TooLong(129)));
}

/// Computed once with another implementation of SHA-256. Were an id derived otherwise one day, everything that has
/// been created would be out of reach.
#[test]
fn ids_follow_from_keys_for_ever() {
    let org = OrganizationId::of(&key("acme"));
    let project = ProjectId::of(org, &key("shop"));
    let user = UserId(Uuid::from_u128(7));
    let ids = [
        (org.to_string(), "f7af5824-e33f-8434-840b-efb109461441"),
        (project.to_string(), "864464fe-fd26-89b1-98fc-c3eef054f04d"),
        (
            EnvironmentId::of(project, &key("prod")).to_string(),
            "c1c7aa2e-f70d-84cf-8fc8-ff75fd906832",
        ),
        (FlagId::of(project, &key("checkout")).to_string(), "1113f04b-795b-881a-862d-5d623d865401"),
        (
            SegmentId::of(project, &key("checkout")).to_string(),
            "cc3471c9-0fb3-84a5-8628-f193814d771c",
        ),
        (ApiKeyId::of(org, &[15; 32]).to_string(), "fcaf42be-dd85-8419-b5fb-ebd5753e1b25"),
        (MembershipId::of(org, user).to_string(), "203293d8-b829-8916-a103-2560d676a762"),
    ];
    for (id, expected) in ids {
        assert_eq!(id, expected);
    }
}

#[test]
fn texts_have_limits() {
    let mut problems = Vec::new();
    check_name("/name", &"é".repeat(256), &mut problems);
    check_description("/description", &"x".repeat(4096), &mut problems);
    check_tags("/tags", &(0..50).map(|n| format!("t{n}")).collect(), &mut problems);
    assert_eq!(problems, []);

    check_name("/a", " ", &mut problems);
    check_name("/b", &"x".repeat(257), &mut problems);
    check_name("/c", "a\0b", &mut problems);
    check_description("/d", &"x".repeat(4097), &mut problems);
    check_tags("/e", &(0..51).map(|n| format!("t{n}")).collect(), &mut problems);
    check_tags("/f", &["a ".to_owned(), "b".to_owned(), "x".repeat(65)].into(), &mut problems);
    let places: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(places, ["/a", "/b", "/c", "/d", "/e", "/f/0", "/f/2"]);
}
