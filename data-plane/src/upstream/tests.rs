//! Proxies, certificates and the errors of requests without a response, over real sockets.
//!
//! Requests to this machine never go through a proxy, so targets behind one have names that only
//! the proxy knows.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;

use super::*;

/// A certificate authority for the tests, and the folder that its certificate lies in.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let folder = TempDir::new().unwrap();
        // Each needs a name of its own, since the verifier finds an authority by its name.
        params
            .distinguished_name
            .push(DnType::CommonName, folder.path().to_string_lossy());
        let key = KeyPair::generate().unwrap();
        std::fs::write(
            folder.path().join("ca.pem"),
            params.self_signed(&key).unwrap().pem(),
        )
        .unwrap();
        Self {
            issuer: Issuer::new(params, key),
            folder,
        }
    }

    fn file(&self) -> &Path {
        self.folder.path()
    }

    /// The server side of TLS, with a certificate for `host` that expires at the end of `year`.
    fn acceptor(&self, host: &str, year: i32, protocols: &[&str]) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        acceptor_with(certificate, &key, protocols)
    }

    fn trusted(&self) -> NetworkSettings {
        NetworkSettings {
            ca_file: Some(self.file().join("ca.pem")),
            ..NetworkSettings::direct(Duration::from_secs(5))
        }
    }
}

/// The server side of TLS, with one certificate.
fn acceptor_with(certificate: Certificate, key: &KeyPair, protocols: &[&str]) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let (chain, key) = (
        vec![CertificateDer::from(certificate)],
        PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    );
    let mut config = builder
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    TlsAcceptor::from(Arc::new(config))
}

/// A server that signed its own certificate for `names`, and that certificate.
async fn self_signed(names: &[&str], year: i32, is_ca: IsCa) -> (SocketAddr, String) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 12, 31);
    params.is_ca = is_ca;
    params
        .distinguished_name
        .push(DnType::CommonName, "self-signed");
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let pem = certificate.pem();
    let (server, _) = tls_server(acceptor_with(certificate, &key, &[])).await;
    (server, pem)
}

/// Responds `ok` to every request on `io`, and reports its request line and headers.
async fn answer<Io: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    io: Io,
    is_h2: bool,
    told: UnboundedSender<String>,
) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let head = format!(
            "{} {} {:?} {:?}",
            request.method(),
            request.uri(),
            request.version(),
            request.headers()
        );
        let _ = told.send(head);
        async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok")))) }
    });
    let _ = if is_h2 {
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(io), service)
            .await
    } else {
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(io), service)
            .await
    };
}

/// Runs `serve` for every accepted connection.
async fn listen<F, S>(serve: S) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(TcpStream) -> F + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accept = async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawn(serve(stream));
        }
    };
    spawn(accept);
    address
}

#[expect(
    clippy::disallowed_methods,
    reason = "the servers of a test end with its runtime"
)]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

async fn tls_server(acceptor: TlsAcceptor) -> (SocketAddr, UnboundedReceiver<String>) {
    let (tell, told) = unbounded_channel();
    let address = listen(move |stream| {
        let (acceptor, tell) = (acceptor.clone(), tell.clone());
        async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            answer(stream, is_h2, tell).await;
        }
    });
    (address.await, told)
}

async fn plain_server() -> (SocketAddr, UnboundedReceiver<String>) {
    let (tell, told) = unbounded_channel();
    (
        listen(move |stream| answer(stream, false, tell.clone())).await,
        told,
    )
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// A proxy that responds to `CONNECT` with `head`, and connects to `target` if that is a 200.
async fn connect_proxy(
    target: SocketAddr,
    head: &'static str,
) -> (SocketAddr, UnboundedReceiver<String>) {
    let (tell, told) = unbounded_channel();
    let address = listen(move |mut stream| {
        let tell = tell.clone();
        async move {
            let asked = read_head(&mut stream).await;
            let _ = tell.send(asked);
            stream.write_all(head.as_bytes()).await.unwrap();
            if head.starts_with("HTTP/1.1 200") {
                let mut target = TcpStream::connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut target).await;
            }
        }
    });
    (address.await, told)
}

/// A SOCKS 5 proxy for one user, which reports the host of each request.
async fn socks_proxy(target: SocketAddr, code: u8) -> (SocketAddr, UnboundedReceiver<String>) {
    let (tell, told) = unbounded_channel();
    let address = listen(move |mut stream| {
        let tell = tell.clone();
        async move {
            let mut greeting = [0; 3];
            stream.read_exact(&mut greeting).await.unwrap();
            if greeting[2] != 2 {
                return stream.write_all(&[5, 0xff]).await.unwrap();
            }
            stream.write_all(&[5, 2]).await.unwrap();
            let mut user = [0; 7];
            stream.read_exact(&mut user).await.unwrap();
            let is_known = &user == b"\x01\x02me\x02pw";
            stream.write_all(&[1, u8::from(!is_known)]).await.unwrap();
            if !is_known {
                return;
            }
            let mut ask = [0; 5];
            stream.read_exact(&mut ask).await.unwrap();
            let mut host = vec![0; usize::from(ask[4]) + 2];
            stream.read_exact(&mut host).await.unwrap();
            let _ = tell.send(String::from_utf8_lossy(&host[..host.len() - 2]).into_owned());
            stream
                .write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0])
                .await
                .unwrap();
            if code == 0 {
                let mut target = TcpStream::connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut target).await;
            }
        }
    });
    (address.await, told)
}

async fn send(network: &Network, uri: &str, via: &ProxyChoice) -> Result<Version, TransportError> {
    let request = Request::get(uri)
        .header("authorization", "Bearer sk-1")
        .body(Bytes::new())
        .unwrap();
    let answer = network.send(request.map(SegmentedBytes::from), via).await?;
    let version = answer.version();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ok");
    Ok(version)
}

fn through(settings: NetworkSettings, proxy: &str) -> Network {
    Network::new(NetworkSettings {
        proxy: Some(proxy.parse().unwrap()),
        ..settings
    })
}

async fn error_of(network: &Network, uri: &str) -> (Stage, String) {
    let error = send(network, uri, &ProxyChoice::default())
        .await
        .unwrap_err();
    assert!(
        !error.message.contains("pw") && !error.message.contains("sk-1"),
        "{}",
        error.message
    );
    (error.stage, error.message)
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_only_the_proxy_sees_its_password() {
    let authority = Authority::new();
    let (target, mut asked) =
        tls_server(authority.acceptor("api.example", 2999, &["h2", "http/1.1"])).await;
    let (proxy, mut connects) = connect_proxy(
        target,
        "HTTP/1.1 200 Connection established\r\nx: y\r\n\r\n",
    )
    .await;
    let network = through(authority.trusted(), &format!("http://me:pw@{proxy}"));
    let version = send(
        &network,
        "https://api.example/v1/models",
        &ProxyChoice::default(),
    )
    .await
    .unwrap();
    assert_eq!(version, Version::HTTP_2);
    let connect = connects.recv().await.unwrap();
    assert!(
        connect.starts_with("CONNECT api.example:443 HTTP/1.1\r\nhost: api.example:443\r\n"),
        "{connect}"
    );
    assert!(
        connect.contains("proxy-authorization: Basic bWU6cHc=\r\n") && !connect.contains("sk-1"),
        "{connect}"
    );
    assert!(!asked.recv().await.unwrap().contains("proxy-authorization"));
    send(
        &network,
        "https://api.example/v1/models",
        &ProxyChoice::default(),
    )
    .await
    .unwrap();
    assert!(connects.try_recv().is_err(), "the connection is used again");
}

#[tokio::test]
async fn http_is_asked_of_the_proxy_itself() {
    let (proxy, mut asked) = plain_server().await;
    let network = through(
        NetworkSettings::direct(Duration::from_secs(5)),
        &format!("http://me:pw@{proxy}"),
    );
    send(
        &network,
        "http://box.example/v1/models?a=b",
        &ProxyChoice::default(),
    )
    .await
    .unwrap();
    let head = asked.recv().await.unwrap();
    assert!(
        head.starts_with("GET http://box.example/v1/models?a=b HTTP/1.1"),
        "{head}"
    );
    assert!(head.contains("proxy-authorization"), "{head}");
}

#[tokio::test]
async fn a_proxy_may_be_spoken_to_over_tls() {
    let authority = Authority::new();
    let (proxy, mut asked) = tls_server(authority.acceptor("localhost", 2999, &[])).await;
    let network = through(
        authority.trusted(),
        &format!("https://localhost:{}", proxy.port()),
    );
    send(&network, "http://box.example/", &ProxyChoice::default())
        .await
        .unwrap();
    assert!(
        asked
            .recv()
            .await
            .unwrap()
            .starts_with("GET http://box.example/ ")
    );
}

#[tokio::test]
async fn socks_resolves_names_at_the_proxy() {
    let (target, mut asked) = plain_server().await;
    let (proxy, mut hosts) = socks_proxy(target, 0).await;
    let network = Network::new(NetworkSettings::direct(Duration::from_secs(5)));
    let own = |user: &str| ProxyChoice {
        proxy: Some(Arc::new(format!("socks5://{user}{proxy}").parse().unwrap())),
    };
    send(&network, "http://box.example:81/v1", &own("me:pw@"))
        .await
        .unwrap();
    assert_eq!(hosts.recv().await.unwrap(), "box.example");
    assert!(
        asked.recv().await.unwrap().starts_with("GET /v1 "),
        "the target is asked as usual"
    );
    for (user, why) in [
        ("", "it requires a user and password"),
        ("me:no@", "it rejected the user and password"),
    ] {
        let error = send(&network, "http://box.example:81/v1", &own(user))
            .await
            .unwrap_err();
        assert!(error.message.contains(why), "{}", error.message);
    }
    let (refusing, _) = socks_proxy(target, 2).await;
    let via = ProxyChoice {
        proxy: Some(Arc::new(
            format!("socks5://me:pw@{refusing}").parse().unwrap(),
        )),
    };
    let error = send(&network, "http://box.example/", &via)
        .await
        .unwrap_err();
    assert!(
        error
            .message
            .contains("it refused to connect (its rules do not allow it)"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn what_a_proxy_does_instead_is_said() {
    let nowhere: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let table = [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "",
            "it requires a user and password; write them as",
        ),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "me:pw@",
            "it rejected the user and password; write them as",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\n\r\n",
            "",
            "it refused to connect (403); allow this host there, or except it with `no_proxy`",
        ),
        (
            "SSH-2.0-OpenSSH_9.6\r\n",
            "",
            "the server there is not an HTTP proxy; check the scheme and port",
        ),
        ("", "", "the server there is not an HTTP proxy"),
    ];
    for (head, user, expected) in table {
        let (proxy, _) = connect_proxy(nowhere, head).await;
        let network = through(
            NetworkSettings::direct(Duration::from_secs(5)),
            &format!("http://{user}{proxy}"),
        );
        let (stage, message) = error_of(&network, "https://api.example/v1").await;
        assert_eq!(stage, Stage::Connect);
        assert!(
            message.starts_with(&format!(
                "the proxy `http://{proxy}` does not connect to `api.example`: "
            )),
            "{message}"
        );
        assert!(message.contains(expected), "{message}");
    }
    let network = through(
        NetworkSettings::direct(Duration::from_secs(5)),
        "http://me:pw@127.0.0.1:1",
    );
    let (_, message) = error_of(&network, "https://api.example/v1").await;
    let expected = "cannot connect to the proxy `http://127.0.0.1:1` on the way to `api.example`: nothing listens there";
    assert!(message.starts_with(expected), "{message}");
}

#[tokio::test]
async fn certificates_that_do_not_verify_are_told_apart() {
    let (authority, untrusted) = (Authority::new(), Authority::new());
    let table = [
        (
            untrusted.acceptor("localhost", 2999, &[]),
            "an authority that is not trusted here; if you trust its issuer, name a file",
        ),
        (
            authority.acceptor("localhost", 1999, &[]),
            "its certificate has expired; if it should be good, set this machine's clock right",
        ),
        (
            authority.acceptor("other.example", 2999, &[]),
            "its certificate is for another name; check the host in `base_url`",
        ),
    ];
    for (acceptor, expected) in table {
        let (server, _) = tls_server(acceptor).await;
        let (stage, message) = error_of(
            &Network::new(authority.trusted()),
            &format!("https://localhost:{}/v1", server.port()),
        )
        .await;
        assert_eq!(stage, Stage::Tls, "{message}");
        assert!(
            message.starts_with(&format!(
                "no trusted connection to `localhost:{}`: ",
                server.port()
            )),
            "{message}"
        );
        assert!(message.contains(expected), "{message}");
    }
    let (good, _) = tls_server(authority.acceptor("localhost", 2999, &["h2"])).await;
    let version = send(
        &Network::new(authority.trusted()),
        &format!("https://localhost:{}/", good.port()),
        &ProxyChoice::default(),
    )
    .await;
    assert_eq!(version.unwrap(), Version::HTTP_2);
}

/// With a file of that text.
fn trusting(folder: &TempDir, pem: &str) -> NetworkSettings {
    let file = folder.path().join("own.pem");
    std::fs::write(&file, pem).unwrap();
    NetworkSettings {
        ca_file: Some(file),
        ..NetworkSettings::direct(Duration::from_secs(5))
    }
}

/// As `openssl req -x509` makes one, and as others do.
fn kinds() -> [IsCa; 3] {
    let authority = IsCa::Ca(BasicConstraints::Unconstrained);
    [authority, IsCa::ExplicitNoCa, IsCa::NoCa]
}

#[tokio::test]
async fn a_server_that_signed_its_own_certificate_is_trusted_by_that_very_one() {
    let folder = TempDir::new().unwrap();
    for is_ca in kinds() {
        let (server, pem) = self_signed(&["localhost"], 2999, is_ca).await;
        let uri = format!("https://localhost:{}/", server.port());
        let pinned = Network::new(trusting(&folder, &format!("\u{feff}{pem}")));
        let version = send(&pinned, &uri, &ProxyChoice::default()).await;
        assert_eq!(version.unwrap(), Version::HTTP_11, "{is_ca:?}");

        // Of the same name, by another key.
        let (_, other) = self_signed(&["localhost"], 2999, is_ca).await;
        let (stage, message) = error_of(&Network::new(trusting(&folder, &other)), &uri).await;
        assert_eq!(stage, Stage::Tls, "{message}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_trusted_by_itself_has_to_fit_all_the_same() {
    let folder = TempDir::new().unwrap();
    for is_ca in kinds() {
        for (names, year, expected) in [
            (&["other.example"][..], 2999, "is for another name"),
            (&[], 2999, "names no host"),
            (&["localhost"], 2001, "has expired"),
        ] {
            let (server, pem) = self_signed(names, year, is_ca).await;
            let uri = format!("https://localhost:{}/", server.port());
            let (stage, message) = error_of(&Network::new(trusting(&folder, &pem)), &uri).await;
            assert_eq!(stage, Stage::Tls);
            assert!(message.contains(expected), "{is_ca:?}: {message}");
        }
    }
}

#[tokio::test]
async fn a_server_that_signed_its_own_certificate_is_told_how_to_be_trusted() {
    for is_ca in kinds() {
        let (server, _) = self_signed(&["localhost"], 2999, is_ca).await;
        let uri = format!("https://localhost:{}/", server.port());
        let network = Network::new(NetworkSettings::direct(Duration::from_secs(5)));
        let (_, message) = error_of(&network, &uri).await;
        assert!(
            message.contains("`ca_file` in [network]") && message.contains("signed it"),
            "{message}"
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_file_of_authorities_ends_in_a_sentence() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("own.pem");
    let places: [(&str, &dyn Fn()); 5] = [
        ("a named pipe", &|| {
            let made = std::process::Command::new("mkfifo").arg(&path).status();
            assert!(made.unwrap().success());
        }),
        ("a folder", &|| std::fs::create_dir(&path).unwrap()),
        ("symbolic link", &|| {
            std::os::unix::fs::symlink(&path, &path).unwrap();
        }),
        ("larger than", &|| {
            let file = std::fs::File::create(&path).unwrap();
            file.set_len(100 << 20).unwrap();
        }),
        ("no certificate", &|| {
            std::fs::write(&path, [0x30, 0x82, 1, 0, 0]).unwrap();
        }),
    ];
    for (expected, make) in places {
        make();
        let settings = NetworkSettings {
            ca_file: Some(path.clone()),
            ..NetworkSettings::direct(Duration::from_secs(5))
        };
        let (_, message) = error_of(&Network::new(settings), "https://localhost:1/").await;
        assert!(
            message.starts_with("`network.ca_file` (`own.pem`) cannot be read (")
                && message.contains(expected),
            "{message}"
        );
        std::fs::remove_file(&path)
            .or_else(|_| std::fs::remove_dir(&path))
            .unwrap();
    }
}

#[tokio::test]
async fn a_file_of_authorities_that_is_none_is_said() {
    let authority = Authority::new();
    std::fs::write(authority.file().join("empty.pem"), "").unwrap();
    for name in ["absent.pem", "empty.pem"] {
        let settings = NetworkSettings {
            ca_file: Some(authority.file().join(name)),
            ..authority.trusted()
        };
        let (stage, message) = error_of(&Network::new(settings), "https://localhost:1/").await;
        assert_eq!(stage, Stage::Tls);
        assert!(message.starts_with("`network.ca_file` (`"), "{message}");
        assert!(
            !message.contains(&*authority.file().to_string_lossy()),
            "{message}"
        );
    }
}

#[tokio::test]
async fn each_way_of_getting_no_answer_names_its_cause_and_the_next_step() {
    let network = Network::new(NetworkSettings::direct(Duration::from_secs(5)));
    let closing = listen(|stream| async move { drop(stream) }).await;
    let other = listen(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await;
        let _ = stream.read(&mut [0; 1024]).await;
    });
    let (other, (plain, _)) = (other.await, plain_server().await);
    let table = [
        (
            "http://127.0.0.1:1/v1".to_owned(),
            Stage::Connect,
            "nothing listens there; start the server, or correct `base_url`",
        ),
        (
            "http://nowhere.invalid/v1".to_owned(),
            Stage::Connect,
            "this host name does not resolve; check its spelling",
        ),
        (
            format!("http://{closing}/v1"),
            Stage::Head,
            "it closed the connection without a response",
        ),
        (
            format!("http://{other}/v1"),
            Stage::Head,
            "the reply was not HTTP; check the port in `base_url`, or use `https://`",
        ),
        (
            format!("https://{plain}/v1"),
            Stage::Tls,
            "the server does not speak TLS; use `http://` in `base_url`",
        ),
    ];
    for (uri, stage, expected) in table {
        let (found, message) = error_of(&network, &uri).await;
        assert_eq!(found, stage, "{message}");
        assert!(message.contains(expected), "{uri}: {message}");
    }
}

#[tokio::test]
async fn a_proxy_that_quotes_its_password_is_told_without_it() {
    const PASSWORD: &str = "correct-horse-battery";
    let proxy = listen(|mut stream| async move {
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request).await.unwrap();
        let request = String::from_utf8_lossy(&request[..read]).into_owned();
        let sent = request.lines().find(|line| line.starts_with("proxy-auth"));
        let body = format!("refused: {} ({PASSWORD})", sent.unwrap());
        let head = format!(
            "HTTP/1.1 407 No\r\nx-tried: {PASSWORD}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all((head + &body).as_bytes()).await;
    });
    let url = format!("http://me:{PASSWORD}@{}", proxy.await);
    let network = through(NetworkSettings::direct(Duration::from_secs(5)), &url);
    let request = Request::get("http://api.example/v1").body(SegmentedBytes::default());
    let choice = ProxyChoice::default();
    let answer = network.send(request.unwrap(), &choice).await.unwrap();
    assert_eq!(answer.headers()["x-tried"], "[redacted]");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(
        String::from_utf8_lossy(&body),
        "refused: proxy-authorization: Basic bWU6[redacted] ([redacted])"
    );
}
