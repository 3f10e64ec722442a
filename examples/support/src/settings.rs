//! Settings from environment variables. Each error names the variable, its value if that is no secret, and
//! what to do.

use std::{
    env::{self, VarError},
    fmt::Display,
    net::SocketAddr,
    str::FromStr,
};

use tokio::net::TcpListener;
use tower_webhook_auth::Secret;

/// Listens where `HOST` (default `127.0.0.1`) and `PORT` (default 3000) say. Port 0 lets the system choose.
///
/// # Errors
///
/// If the variables are no address, or the address is not available.
pub async fn listen() -> Result<TcpListener, String> {
    let host = setting("HOST", "127.0.0.1".to_owned())?;
    let port = setting("PORT", 3000)?;
    listen_on(&host, port).await
}

async fn listen_on(host: &str, port: u16) -> Result<TcpListener, String> {
    // An IPv6 address is also accepted in the form that it has in a URL.
    let inside = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let name = inside.unwrap_or(host);
    let address = match name.contains(':') {
        true => format!("[{name}]:{port}"),
        false => format!("{name}:{port}"),
    };
    let resolved: Vec<SocketAddr> = tokio::net::lookup_host((name, port))
        .await
        .map_err(|error| {
            format!("HOST={host:?} is not an address of this machine: {error}: set HOST, for example to 127.0.0.1")
        })?
        .collect();
    TcpListener::bind(&*resolved).await.map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program uses it: set PORT",
            std::io::ErrorKind::PermissionDenied => "ports below 1024 need a permission: set PORT",
            _ => "set HOST to an address of this machine, and PORT",
        };
        format!("cannot listen on {address}: {error}: {remedy}")
    })
}

/// A variable that is read as a `T`, or the default if it is not set.
///
/// # Errors
///
/// If it is set and is not a `T`.
pub fn setting<T>(name: &str, default: T) -> Result<T, String>
where
    T: FromStr<Err: Display>,
{
    match env::var(name) {
        Err(VarError::NotPresent) => Ok(default),
        Err(VarError::NotUnicode(value)) => Err(format!("{name}={value:?} is not UTF-8")),
        Ok(text) => read(name, &text),
    }
}

fn read<T>(name: &str, text: &str) -> Result<T, String>
where
    T: FromStr<Err: Display>,
{
    text.trim()
        .parse()
        .map_err(|error| format!("{name}={text:?} is not {}: {error}", expected::<T>()))
}

fn expected<T>() -> &'static str {
    match std::any::type_name::<T>() {
        "u16" => "a number from 0 to 65535",
        "u64" | "usize" => "a number without a unit",
        _ => "a valid value",
    }
}

/// A secret, or `None` if the variable is not set.
///
/// # Errors
///
/// If it is set, but empty or not usable as a secret.
pub fn secret(name: &str) -> Result<Option<Secret>, String> {
    match env::var_os(name) {
        None => Ok(None),
        Some(_) => Secret::from_env(name)
            .map(Some)
            .map_err(|error| error.to_string()),
    }
}

/// Rejects variables that look like misspelt ones. Otherwise a misspelt secret would be ignored, and the
/// program would start as a demonstration with a published secret.
///
/// `known` has all names that begin with one of `prefixes`. A name that ends with `*` may end with any text.
///
/// # Errors
///
/// If another variable begins with one of `prefixes`. The error names the known variable that is nearest.
pub fn reject_unknown(prefixes: &[&str], known: &[&str]) -> Result<(), String> {
    let mut names = Vec::new();
    for (name, value) in env::vars_os() {
        let Ok(name) = name.into_string() else {
            continue;
        };
        let ours = prefixes.iter().any(|prefix| name.starts_with(prefix));
        if ours && value.to_str().is_none() {
            return Err(format!("the environment variable {name} is not UTF-8"));
        }
        names.push(name);
    }
    reject_unknown_of(names.into_iter(), prefixes, known)
}

/// Rejects settings that have no effect, because `switch` is not set. Otherwise the program would start as a
/// demonstration although its user has configured it.
///
/// # Errors
///
/// If another variable begins with one of `prefixes`, and `switch` is not set.
pub fn require(switch: &str, prefixes: &[&str]) -> Result<(), String> {
    let set = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    require_of(set.collect(), switch, prefixes)
}

fn require_of(set: Vec<String>, switch: &str, prefixes: &[&str]) -> Result<(), String> {
    if set.iter().any(|name| name == switch) {
        return Ok(());
    }
    match set
        .iter()
        .find(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
    {
        Some(name) => Err(format!(
            "{name} is set, but {switch} is not: set {switch}, too"
        )),
        None => Ok(()),
    }
}

fn reject_unknown_of(
    set: impl Iterator<Item = String>,
    prefixes: &[&str],
    known: &[&str],
) -> Result<(), String> {
    for name in set {
        let ours = prefixes.iter().any(|prefix| name.starts_with(prefix));
        let is_known = known.iter().any(|known| match known.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => name == *known,
        });
        if ours && !is_known {
            let nearest = known.iter().min_by_key(|known| distance(&name, known));
            let nearest = nearest.unwrap_or(&"none");
            return Err(format!(
                "the environment variable {name} is not known: did you mean {nearest}?"
            ));
        }
    }
    Ok(())
}

/// The number of letters to insert, remove or replace.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, ours) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, theirs) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(ours != theirs);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

/// A demonstration uses a secret that is published, so other machines may not reach it.
///
/// # Errors
///
/// If the address is not a loopback address. The error says which `variables` end the demonstration.
pub fn demonstrate_on(address: SocketAddr, variables: &str) -> Result<(), String> {
    match address.ip().to_canonical().is_loopback() {
        true => Ok(()),
        false => Err(format!(
            "{variables} is not set, and a demonstration runs only on a loopback address, not on {address}, \
             because its secret is published: set {variables}, or HOST=127.0.0.1"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_in_use_is_named_with_the_variable_to_change() {
        let first = listen_on("127.0.0.1", 0).await.expect("a free port");
        let address = first.local_addr().expect("an address");
        let error = listen_on("127.0.0.1", address.port())
            .await
            .expect_err("in use");
        let begin = format!("cannot listen on {address}: ");
        assert!(
            error.starts_with(&begin) && error.ends_with("set PORT"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_address_in_brackets_is_read() {
        let listener = listen_on("[127.0.0.1]", 0).await.expect("a free port");
        assert!(
            listener
                .local_addr()
                .expect("an address")
                .ip()
                .is_loopback()
        );
        // A machine may be without IPv6. Then the address is named as it is in a URL.
        if let Err(error) = listen_on("[::1]", 0).await {
            assert!(error.starts_with("cannot listen on [::1]:0: "), "{error}");
        }
    }

    #[tokio::test]
    async fn a_host_that_is_no_address_is_named() {
        let error = listen_on("not a host", 0).await.expect_err("no address");
        assert!(
            error.starts_with("HOST=\"not a host\" is not an address"),
            "{error}"
        );
    }

    #[test]
    fn a_number_that_cannot_be_read_is_named_with_its_range() {
        for text in ["http", "", "70000"] {
            let error = read::<u16>("PORT", text).expect_err("no port");
            let begin = format!("PORT={text:?} is not a number from 0 to 65535: ");
            assert!(error.starts_with(&begin), "{error}");
        }
        assert_eq!(read::<u16>("PORT", " 80\n"), Ok(80));
    }

    #[test]
    fn a_misspelt_variable_is_an_error_that_names_the_right_one() {
        let known = [
            "OPTIMIZELY_WEBHOOK_SECRET",
            "VWO_WEBHOOK_KEY",
            "VWO_ENVIRONMENTS_*",
        ];
        let check = |name: &str| {
            let set = [name.to_owned(), "PATH".to_owned()];
            reject_unknown_of(set.into_iter(), &["OPTIMIZELY_", "VWO_"], &known)
        };
        for (name, nearest) in [
            ("OPTIMIZELY_SECRET", "OPTIMIZELY_WEBHOOK_SECRET"),
            ("OPTIMIZELY_WEBHOOK_SECERT", "OPTIMIZELY_WEBHOOK_SECRET"),
            ("VWO_KEY", "VWO_WEBHOOK_KEY"),
        ] {
            let error = check(name).expect_err("misspelt");
            let end = format!("{name} is not known: did you mean {nearest}?");
            assert!(error.ends_with(&end), "{error}");
        }
        for name in ["VWO_WEBHOOK_KEY", "VWO_ENVIRONMENTS_1", "SECRET"] {
            assert_eq!(check(name), Ok(()));
        }
    }

    #[test]
    fn a_setting_without_effect_is_an_error_that_names_the_missing_variable() {
        let check = |set: &[&str]| {
            let set = set.iter().map(|name| (*name).to_owned()).collect();
            require_of(set, "VWO_WEBHOOK_KEY", &["VWO_"])
        };
        let error = check(&["PATH", "VWO_SDK_KEY"]).expect_err("no key");
        assert_eq!(
            error,
            "VWO_SDK_KEY is set, but VWO_WEBHOOK_KEY is not: set VWO_WEBHOOK_KEY, too"
        );
        assert_eq!(check(&["VWO_SDK_KEY", "VWO_WEBHOOK_KEY"]), Ok(()));
        assert_eq!(check(&["PATH"]), Ok(()));
    }

    #[test]
    fn a_demonstration_runs_on_loopback_addresses_only() {
        for address in [
            "127.0.0.1:80",
            "127.1.2.3:80",
            "[::1]:80",
            "[::ffff:127.0.0.1]:80",
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(demonstrate_on(address, "A_SECRET"), Ok(()));
        }
        for address in ["0.0.0.0:80", "[::]:80", "192.0.2.1:80"] {
            let address = address.parse().expect("an address");
            let error = demonstrate_on(address, "A_SECRET").expect_err("not loopback");
            assert!(error.contains("A_SECRET is not set") && error.contains(&address.to_string()));
        }
    }
}
