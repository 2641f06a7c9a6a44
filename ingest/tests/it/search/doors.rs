//! What stands before a server: TLS with an authority of its own, credentials, and a limit of requests.

use super::proxy::{Proxy, Rules};
use super::server::{BASE, Server, document, query, read, time_and_text};
use domain::Kind;
use domain::catalog::{Credentials, SourceSpec};
use domain::ports::LogSource;
use ingest::Elasticsearch;

const USER: (&str, &str) = ("reader", "p w:ö");
const KEY: &str = "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==";

pub(super) async fn tls_and_credentials(server: &Server) {
    let index = server.index("door", time_and_text()).await;
    server.add(&index, &(0..50).map(|n| document(n, BASE + n)).collect::<Vec<_>>()).await;
    let basic = Credentials::Basic { username: USER.0.to_owned(), password: USER.1.to_owned() };
    let key = Credentials::ApiKey { key: KEY.to_owned() };
    // RFC 7617 with UTF-8.
    for (credentials, header) in [(basic, "Basic cmVhZGVyOnAgdzrDtg=="), (key, &*format!("ApiKey {KEY}"))] {
        let proxy =
            Proxy::start(&server.url, Rules { authorization: Some(header.to_owned()), ..Rules::default() }).await;
        let with = |credentials: Credentials, ca: Option<String>| {
            let spec = SourceSpec { url: proxy.url.clone(), credentials, ca, ..server.spec(&index) };
            Elasticsearch::new(&spec).unwrap()
        };
        let open = with(credentials.clone(), Some(proxy.authority.clone()));
        assert_eq!(read(&open, &query("", 1_000, 20), async |_, _| ()).await.len(), 50);
        let stranger = with(Credentials::None, Some(proxy.authority.clone()));
        let error = stranger.page(&query("", 1_000, 20), None).await.unwrap_err();
        assert_eq!((error.kind, error.message.contains("credentials")), (Kind::Unauthenticated, true), "{error}");
        let distrust = with(credentials, None).page(&query("", 1_000, 20), None).await.unwrap_err();
        assert_eq!(distrust.kind, Kind::Unavailable, "{distrust}");
        assert!(distrust.message.to_lowercase().contains("certificate"), "{distrust}");
        assert!(!format!("{distrust:?}{error:?}").contains(USER.1), "a password in an error");
    }
}

pub(super) async fn busy(server: &Server) {
    let index = server.index("busy", time_and_text()).await;
    server.add(&index, &(0..50).map(|n| document(n, BASE + n)).collect::<Vec<_>>()).await;
    let source = |proxy: &Proxy| {
        let spec = SourceSpec { url: proxy.url.clone(), ca: Some(proxy.authority.clone()), ..server.spec(&index) };
        Elasticsearch::new(&spec).unwrap()
    };
    // Every third search is refused: each is asked again, and every document comes once.
    let proxy = Proxy::start(&server.url, Rules { busy_each: 3, ..Rules::default() }).await;
    let lines = read(&source(&proxy), &query("", 1_000, 5), async |_, _| ()).await;
    assert_eq!(lines.len(), 50);
    assert!(proxy.refused() >= 3, "{}", proxy.refused());
    let never = Proxy::start(&server.url, Rules { busy_each: 1, ..Rules::default() }).await;
    let error = source(&never).page(&query("", 1_000, 5), None).await.unwrap_err();
    assert_eq!((error.kind, error.message.contains("429")), (Kind::TooMany, true), "{error}");
}
