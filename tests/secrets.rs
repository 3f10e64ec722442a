//! Secrets and named keys: which are rejected when they are built, and with which message.

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use bytes::Bytes;
use judge::{judge, post};
use reference::Hash::Sha256;
use tower_webhook_auth::{KeyEncoding, Keys, Provider, Secret, SignatureScheme, provider};

const BODY: &str = r#"{"id": 1}"#;

fn secret() -> Secret {
    Secret::new("wJ4mX9").expect("a secret")
}

fn plain() -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
}

/// As Standard Webhooks writes its keys.
fn whsec() -> SignatureScheme {
    plain()
        .key_encoding(KeyEncoding::Base64)
        .key_prefix("whsec_")
}

fn acme(scheme: SignatureScheme, secret: Secret) -> Result<Provider<Bytes>, String> {
    let scheme = scheme.build().expect("a scheme");
    Provider::new("acme", scheme, secret).map_err(|error| error.to_string())
}

/// Whether the provider accepts a delivery that is signed with this key.
fn accepts(provider: &Provider<Bytes>, key: &[u8]) -> bool {
    let signature = reference::hex(&reference::hmac(Sha256, key, BODY.as_bytes()));
    judge(provider, post(&[("x-signature", &signature)], BODY)).is_ok()
}

fn rejected(text: &str) -> String {
    match Secret::new(text) {
        Ok(_) => panic!("{text:?} is accepted"),
        Err(error) => error.to_string(),
    }
}

const REMOVE: &str = "remove it, or use `Secret::verbatim` if it belongs to the secret";

#[test]
fn an_empty_or_blank_secret_is_rejected() {
    assert_eq!(rejected(""), "secret is empty");
    let blank = "secret is blank: it has only white space and invisible characters";
    for text in [
        " ",
        " \t\r\n",
        "\u{a0}\u{a0}\u{a0}\u{a0}",
        "\u{3000}",
        "\u{200b}\u{feff}\u{2060}",
        "\0\0",
        "\u{85}\u{9f}",
        "\u{2800}\u{3164}",
    ] {
        assert_eq!(rejected(text), blank, "{text:?}");
    }
}

#[test]
fn an_invisible_character_is_rejected_at_either_end() {
    for (character, description) in [
        ('\n', "a line break (U+000A)"),
        ('\r', "a line break (U+000D)"),
        ('\t', "white space (U+0009)"),
        (' ', "white space (U+0020)"),
        ('\0', "a control character (U+0000)"),
        ('\u{7f}', "a control character (U+007F)"),
        ('\u{80}', "a control character (U+0080)"),
        ('\u{85}', "a line break (U+0085)"),
        ('\u{9f}', "a control character (U+009F)"),
        ('\u{a0}', "a no-break space (U+00A0)"),
        ('\u{ad}', "an invisible character (U+00AD)"),
        ('\u{1680}', "white space (U+1680)"),
        ('\u{2003}', "white space (U+2003)"),
        ('\u{200b}', "an invisible character (U+200B)"),
        ('\u{200c}', "an invisible character (U+200C)"),
        ('\u{200d}', "an invisible character (U+200D)"),
        ('\u{200e}', "an invisible character (U+200E)"),
        ('\u{200f}', "an invisible character (U+200F)"),
        ('\u{2028}', "a line break (U+2028)"),
        ('\u{202e}', "an invisible character (U+202E)"),
        ('\u{202f}', "white space (U+202F)"),
        ('\u{2060}', "an invisible character (U+2060)"),
        ('\u{2064}', "an invisible character (U+2064)"),
        ('\u{2069}', "an invisible character (U+2069)"),
        ('\u{3000}', "white space (U+3000)"),
        ('\u{feff}', "a byte order mark (U+FEFF)"),
    ] {
        assert_eq!(
            rejected(&format!("{character}wJ4mX9")),
            format!("secret begins with {description}: {REMOVE}"),
        );
        assert_eq!(
            rejected(&format!("wJ4mX9{character}")),
            format!("secret ends with {description}: {REMOVE}"),
        );
        let verbatim = Secret::verbatim(format!("wJ4mX9{character}")).expect("a secret");
        let provider = acme(plain(), verbatim).expect("a provider");
        assert!(accepts(&provider, format!("wJ4mX9{character}").as_bytes()));
    }
}

#[test]
fn a_control_character_or_a_character_of_a_web_page_inside_is_rejected() {
    for (text, description) in [
        ("k\0y", "a control character (U+0000)"),
        ("k\ny", "a line break (U+000A)"),
        ("k\u{1b}y", "a control character (U+001B)"),
        ("k\u{9b}y", "a control character (U+009B)"),
        ("k\u{ad}y", "an invisible character (U+00AD)"),
        ("k\u{200b}y", "an invisible character (U+200B)"),
        ("k\u{2060}y", "an invisible character (U+2060)"),
        ("k\u{feff}y", "a byte order mark (U+FEFF)"),
    ] {
        assert_eq!(
            rejected(text),
            format!("secret contains {description}: {REMOVE}")
        );
    }
}

#[test]
fn letters_and_spaces_of_every_language_are_accepted_inside() {
    for text in [
        "It's a Secret to Everybody",
        "пароль",
        "秘密　の鍵",
        "نامه\u{200c}ای",
        "👩\u{200d}🔧",
        "❤\u{fe0f}",
        "a\u{a0}b",
        "\"half quoted",
        "half quoted'",
        "don't, can't",
        "a=b",
        "QUJD_EVG==",
        "user:SECRET=x",
        "whsec_v1,",
        "v1,other",
    ] {
        let provider = acme(plain(), Secret::new(text).expect(text)).expect("a provider");
        assert!(accepts(&provider, text.as_bytes()), "{text}");
    }
}

#[test]
fn text_of_an_environment_file_around_a_secret_is_named() {
    let quoted = "secret is in quotation marks: remove them, or use `Secret::verbatim` if they \
                  belong to the secret";
    for text in [
        "\"wJ4mX9\"",
        "'wJ4mX9'",
        "`wJ4mX9`",
        "“wJ4mX9”",
        "‘wJ4mX9’",
        "\"\"",
    ] {
        assert_eq!(rejected(text), quoted, "{text}");
        assert!(Secret::verbatim(text).is_ok());
    }
    let named = "secret begins with the name of a variable and '=': use only the text after the \
                 '=', or use `Secret::verbatim` if the name belongs to the secret";
    for text in [
        "GITHUB_WEBHOOK_SECRET=wJ4mX9",
        "GITHUB_WEBHOOK_SECRET=\"wJ4mX9\"",
        "export TOKEN=wJ4mX9",
        "secret=wJ4mX9",
    ] {
        assert_eq!(rejected(text), named, "{text}");
        assert!(Secret::verbatim(text).is_ok());
    }
}

#[test]
fn a_pem_file_and_a_key_with_its_version_in_front_are_named() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----\n";
    let expected = "secret is a PEM file: call `Secret::from_pem` for a public key, or use only the base64 \
                    text between its BEGIN and END lines, on one line";
    assert_eq!(rejected(pem), expected);
    assert_eq!(rejected(&pem.replace('\n', "\r\n")), expected);
    assert_eq!(rejected(&format!("\n{pem}")), expected);

    let supabase = Secret::new("v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    assert!(provider::supabase(supabase.clone()).is_ok());
    let error = provider::standard_webhooks(supabase).expect_err("another form");
    assert!(
        error.to_string().ends_with(
            "secret begins with \"v1,\": remove it, since the secret begins at \"whsec_\""
        ),
        "{error}"
    );
}

#[test]
fn a_secret_of_bytes_may_be_any_that_is_not_equal_to_an_empty_key() {
    let message = |bytes: &[u8]| Secret::from_bytes(bytes).expect_err("an error").to_string();
    let blank = "secret is blank: it has only white space and invisible characters";
    assert_eq!(message(b""), "secret is empty");
    assert_eq!(message(b"  "), blank);
    assert_eq!(message("\u{a0}\u{2003}".as_bytes()), blank);
    assert_eq!(
        message(&[0; 16]),
        "secret is all zeros: make a new one at the sender"
    );
    for bytes in [&[0xff, 0x00][..], b"\x07", b"a\nb", b"\xa0"] {
        let secret = Secret::from_bytes(bytes).expect("a secret");
        assert!(accepts(&acme(plain(), secret).expect("a provider"), bytes));
    }
    let verbatim = |text: &str| Secret::verbatim(text).expect_err("an error").to_string();
    assert_eq!(verbatim(""), "secret is empty");
    assert_eq!(verbatim("\n"), blank);
}

#[test]
fn a_secret_that_is_not_there_is_an_error_that_names_the_place() {
    assert_eq!(
        Secret::from_env("TOWER_WEBHOOK_AUTH_NEVER_SET")
            .expect_err("not set")
            .to_string(),
        "environment variable TOWER_WEBHOOK_AUTH_NEVER_SET is not set"
    );
    let missing = Secret::from_file("no/such/file").expect_err("no file");
    assert_eq!(missing.to_string(), "no/such/file: cannot be read");
    assert!(std::error::Error::source(&missing).is_some());
    assert!(
        format!("{missing:?}").starts_with("no/such/file: cannot be read: "),
        "{missing:?}"
    );
}

#[test]
fn a_variable_and_a_file_are_checked_as_a_text_is() {
    // `cargo test` sets this one for each test program: a text that no check rejects.
    assert!(Secret::from_env("CARGO_PKG_NAME").is_ok());
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let read = |name: &str, content: &[u8]| {
        let path = directory.join(name);
        std::fs::write(&path, content).expect("written");
        Secret::from_file(&path)
            .map_err(|error| error.to_string())
            .map(|secret| accepts(&acme(plain(), secret).expect("a provider"), b"wJ4mX9"))
    };
    assert_eq!(read("plain", b"wJ4mX9"), Ok(true));
    assert_eq!(read("newline", b"wJ4mX9\n"), Ok(true));
    assert_eq!(read("windows", b"wJ4mX9\r\n"), Ok(true));
    for (name, content, end) in [
        (
            "two",
            &b"wJ4mX9\n\n"[..],
            "secret ends with a line break (U+000A): ",
        ),
        ("empty", b"\n", "secret is empty"),
        ("blank", "\u{a0}\n".as_bytes(), "secret is blank: "),
        (
            "bom",
            "\u{feff}wJ4mX9\n".as_bytes(),
            "secret begins with a byte order mark (U+FEFF): ",
        ),
        ("quoted", b"\"wJ4mX9\"\n", "secret is in quotation marks: "),
        (
            "assigned",
            b"SECRET=wJ4mX9\n",
            "secret begins with the name of a variable and '=': ",
        ),
        (
            "pem",
            b"-----BEGIN PUBLIC KEY-----\nMF\n",
            "secret is a PEM file: ",
        ),
        ("binary", b"\xff\xfe", "is not UTF-8"),
    ] {
        let message = read(name, content).expect_err(end);
        let expected = format!("{}: {end}", directory.join(name).display());
        assert!(message.starts_with(&expected), "{message}");
    }
}

/// The variable is set for a process of its own, because a test does not change its environment.
#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_an_error_without_its_value() {
    use std::{env, ffi::OsStr, os::unix::ffi::OsStrExt, process::Command};

    const NAME: &str = "TOWER_WEBHOOK_AUTH_NOT_UTF_8";
    if env::var_os(NAME).is_some() {
        let error = Secret::from_env(NAME).expect_err("not UTF-8");
        let text = format!("environment variable {NAME} is not UTF-8");
        assert_eq!(
            (error.to_string(), format!("{error:?}")),
            (text.clone(), text)
        );
        assert!(std::error::Error::source(&error).is_none());
        return;
    }
    let test = "a_variable_that_is_not_utf_8_is_an_error_without_its_value";
    let output = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", test])
        .env(NAME, OsStr::from_bytes(b"wJ4mX9\xff"))
        .output();
    let output = output.expect("the same program");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
}

#[test]
fn keys_need_names_that_tell_them_apart() {
    let message = |keys: Vec<(&str, Secret)>| Keys::named(keys).expect_err("an error").to_string();
    assert_eq!(message(vec![]), "no key was given: at least one is needed");
    assert_eq!(
        message(vec![("", secret())]),
        "the name of a key is empty: choose a text"
    );
    assert_eq!(
        message(vec![("a", secret()), ("a", secret())]),
        r#"two keys have the name "a": give each key its own name"#
    );
    assert_eq!(
        message(vec![("a\n", secret())]),
        r#"the name of a key "a\n" ends with a line break (U+000A): remove it"#
    );
}

#[test]
fn a_provider_rejects_keys_that_its_scheme_cannot_decode() {
    let message = |scheme: SignatureScheme, text: &str| {
        acme(scheme, Secret::new(text).expect("a secret")).expect_err("an error")
    };
    let again = "copy it from the sender again, all of it";
    for (text, expected) in [
        (
            "whsec_!!!!",
            format!("secret is not base64 after the prefix \"whsec_\": {again}"),
        ),
        (
            "!!!!",
            format!("secret is not base64 and does not begin with the prefix \"whsec_\": {again}"),
        ),
        (
            "sk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "secret is not base64 and does not begin with the prefix \"whsec_\": it contains '-' \
             or '_', which base64 does not have"
                .into(),
        ),
        (
            "whsec_",
            "secret is empty after its prefix: copy it from the sender again, all of it".into(),
        ),
        (
            "====",
            "secret is empty after its prefix: copy it from the sender again, all of it".into(),
        ),
        (
            "whsec_AAAA",
            "secret is all zeros: make a new one at the sender".into(),
        ),
    ] {
        let expected = format!("acme: key \"default\": {expected}");
        assert_eq!(message(whsec(), text), expected);
    }
    assert_eq!(
        message(plain().key_prefix("whsec_"), "whsec_"),
        r#"acme: key "default": secret is empty after its prefix: copy it from the sender again, all of it"#
    );
    let in_hex = || plain().key_encoding(KeyEncoding::Hex);
    for text in ["abc", "zz", "+a"] {
        assert_eq!(
            message(in_hex(), text),
            format!(r#"acme: key "default": secret is not hexadecimal digits: {again}"#)
        );
    }
    // RFC 2104 pads a short key with zeros: an attacker signs with no key at all and matches.
    assert_eq!(
        message(in_hex(), "0000"),
        r#"acme: key "default": secret is all zeros: make a new one at the sender"#
    );
}

/// Nearly every short text is base64: a placeholder would be a key that can be guessed.
#[test]
fn a_key_in_base64_has_at_least_eight_bytes() {
    let seven = Secret::new("whsec_QUJDREVGRw==").expect("a secret");
    assert_eq!(
        acme(whsec(), seven).expect_err("7 bytes"),
        "acme: key \"default\": secret decodes to 7 of at least 8 bytes: copy it from the sender \
         again, all of it"
    );
    assert!(acme(whsec(), Secret::new("whsec_this").expect("a secret")).is_err());
    assert!(acme(whsec(), Secret::new("whsec_QQ==").expect("a secret")).is_err());
    let eight = Secret::new("whsec_QUJDREVGR0g=").expect("a secret");
    assert!(accepts(
        &acme(whsec(), eight).expect("8 bytes"),
        b"ABCDEFGH"
    ));
    // Of a text and of hexadecimal digits the length is the owner's choice.
    let text = Secret::new("a").expect("a secret");
    assert!(accepts(&acme(plain(), text).expect("1 byte"), b"a"));
    let hex = plain().key_encoding(KeyEncoding::Hex);
    let digits = Secret::new("61").expect("a secret");
    assert!(accepts(&acme(hex, digits).expect("1 byte"), b"a"));
}

#[test]
fn no_error_shows_a_secret() {
    let scheme = plain()
        .key_encoding(KeyEncoding::Hex)
        .build()
        .expect("a scheme");
    let secret = Secret::new("correct horse").expect("a secret");
    let error = Provider::new("acme", scheme, secret).expect_err("not hexadecimal");
    assert!(!format!("{error} {error:?}").contains("horse"));
    for spoilt in ["{}\n", "\u{feff}{}", "\"{}\"", "SECRET={}", "-----BEGIN {}"] {
        let error = Secret::new(spoilt.replace("{}", "correct horse")).expect_err(spoilt);
        assert!(!format!("{error} {error:?}").contains("horse"), "{spoilt}");
    }
}

#[test]
fn a_public_key_in_pem_is_the_base64_text_between_its_lines() {
    let pem = |label: &str, content: &str| {
        format!("-----BEGIN {label}-----\n{content}\n-----END {label}-----\n")
    };
    let debug = |text: &str| {
        Secret::from_pem(text)
            .map_err(|error| error.to_string())
            .map(drop)
    };
    let content = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZhhxXKtR+TOvtDbgTPCkSof02qgB\n\
                   B7IsYOyf76ilExJ/upAa/vKIKheOoCyOpcLmi4t0b4uepb7LLjmMr90FUg==";
    let key = pem("PUBLIC KEY", content);
    for written in [
        key.clone(),
        key.replace('\n', "\r\n"),
        key.replace('\n', "\\n"),
        key.replace('\n', " "),
        format!("# of acme\n\n{key}\n"),
    ] {
        assert_eq!(debug(&written), Ok(()), "{written:?}");
    }
    for (written, expected) in [
        ("MFkwEwYHKoZI".to_owned(), "the text is not PEM"),
        (
            pem("PRIVATE KEY", content),
            "the PEM text is a private key: a receiver needs only the public key of the sender",
        ),
        (
            pem("RSA PRIVATE KEY", content),
            "the PEM text is a private key",
        ),
        (
            pem("ENCRYPTED PRIVATE KEY", content),
            "the PEM text is a private key",
        ),
        (
            pem("RSA PUBLIC KEY", content),
            "the PEM text is an RSA public key in the form of PKCS#1: run `openssl rsa",
        ),
        (
            pem("PGP MESSAGE", content),
            "the PEM text has a block that is neither a PUBLIC KEY nor a CERTIFICATE",
        ),
        (format!("{key}{key}"), "the PEM text has several blocks"),
        (
            format!("{key}{}", pem("CERTIFICATE", content)),
            "the PEM text has a key and a certificate",
        ),
        (
            format!("{}{key}", pem("CERTIFICATE", content)),
            "the PEM text has several blocks",
        ),
        (
            pem("CERTIFICATE", content).repeat(9),
            "the PEM text has more than 8 certificates",
        ),
        (
            pem("PUBLIC KEY", "MFkw*"),
            "the PEM text has a block that is not base64",
        ),
        (key[..key.len() - 5].to_owned(), "the PEM text is cut"),
        ("-----BEGIN PUBLIC".to_owned(), "the PEM text is cut"),
    ] {
        let error = debug(&written).expect_err(expected);
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("MFkw"), "{error}");
    }
}
