//! Programs that everybody has, as clients of our servers: curl, openssl, nc.
//!
//! A program that is missing is no failure, unless `CI` is `true`.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::future::Future;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use event::{Listen, LoopTimer, Shard, Sharded, ShardedServer, Socket, SocketAddress, copy};
use futures_lite::AsyncWriteExt;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use interop::http::{GREETING, Hello};
use interop::support::{GENEROUS, noise};
use interop::tls::Identity;

/// The program, if it is here.
fn program(name: &str) -> Option<Command> {
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|folder| folder.join(name).is_file()) {
        return Some(Command::new(name));
    }
    assert_ne!(env::var("CI").as_deref(), Ok("true"), "{name} is not installed");
    // Not by a macro, whose output is shown of failed tests only.
    let mut stderr = io::stderr();
    writeln!(stderr, "NOTE: {name} is not installed, its test does nothing").unwrap();
    None
}

macro_rules! program {
    ($name:literal) => {
        match program($name) {
            Some(command) => command,
            None => return,
        }
    };
}

/// Runs it to its end, with that for standard input.
#[track_caller]
fn run(mut command: Command, input: Vec<u8>) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Not all of it has to be wanted.
    let feeding = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    output
}

#[track_caller]
fn succeed(command: Command, input: impl Into<Vec<u8>>) -> Vec<u8> {
    let output = run(command, input.into());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {complaint}", output.status);
    output.stdout
}

fn local() -> SocketAddress {
    SocketAddress::ipv4("127.0.0.1", 0).unwrap()
}

/// A place for a file, which goes with the value.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        Self(env::temp_dir().join(format!("event-interop-{}-{name}", std::process::id())))
    }
}

impl AsRef<OsStr> for Place {
    fn as_ref(&self) -> &OsStr {
        self.0.as_os_str()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A server on a thread of its own.
fn start<S, F>(
    address: SocketAddress,
    make: impl Fn(Shard) -> S + Send + Sync + 'static,
) -> ShardedServer
where
    S: Fn(Socket, SocketAddress) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    let server = Sharded::new().shards(1).listen(Listen::new().nodelay(true));
    let server = server.on_error(|_, error| eprintln!("{error}"));
    server.start(address, make).unwrap()
}

/// Both HTTPs.
fn http(address: SocketAddress) -> ShardedServer {
    start(address, |shard| {
        let (builder, hello) = (builder(&shard), Hello::default());
        move |socket, _| {
            let connection = builder.serve_connection(socket, hello.clone()).into_owned();
            async move { connection.await.unwrap() }
        }
    })
}

fn builder(shard: &Shard) -> Builder<event::LoopHandle> {
    let mut builder = Builder::new(shard.handle().clone());
    builder.http1().timer(LoopTimer::new(shard.handle())).header_read_timeout(GENEROUS);
    builder
}

/// Sends everything back, and then the end.
fn echo(address: SocketAddress) -> ShardedServer {
    start(address, |_| {
        async |socket: Socket, _| {
            let (mut reader, mut writer) = socket.into_split();
            copy(&mut reader, &mut writer).await.unwrap();
        }
    })
}

fn curl() -> Option<Command> {
    let mut curl = program("curl")?;
    curl.args(["--silent", "--show-error", "--fail", "--max-time", "20", "--noproxy", "*"]);
    Some(curl)
}

macro_rules! curl {
    () => {
        match curl() {
            Some(command) => command,
            None => return,
        }
    };
}

#[test]
fn curl_is_greeted_over_every_family() {
    let v6 = SocketAddress::ipv6("::1", 0).unwrap();
    for address in [local(), v6] {
        let mut curl = curl!();
        let server = http(address);
        curl.arg(format!("http://{}/", server.address()));
        assert_eq!(succeed(curl, ""), GREETING.as_bytes());
    }
    let (mut curl, place) = (curl!(), Place::new("curl"));
    let _server = http(SocketAddress::unix(&place.0).unwrap());
    curl.arg("--unix-socket").arg(&place).arg("http://localhost/");
    assert_eq!(succeed(curl, ""), GREETING.as_bytes());
}

#[test]
fn curl_posts_and_gets_everything_back_by_both_http() {
    let server = http(local());
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let (mut curl, sent) = (curl!(), noise(8 << 20));
        curl.args([version, "--data-binary", "@-"])
            .arg(format!("http://{}/echo", server.address()));
        assert!(succeed(curl, sent.clone()) == sent, "{version}: other bytes than were sent");
    }
}

/// HTTP/2 without TLS is not asked for here: curl before 8.0 fails to reuse such
/// a connection, whoever serves (its issue 10634).
#[test]
fn curl_uses_one_connection_for_many_requests() {
    let (mut curl, server) = (curl!(), http(local()));
    let url = format!("http://{}/", server.address());
    curl.args([url.as_str(); 50]);
    assert_eq!(succeed(curl, ""), GREETING.repeat(50).as_bytes());
    assert_eq!(server.served(), 1);
}

#[test]
fn curl_is_told_what_is_not_there_and_who_is_not_there() {
    let (mut absent, mut refused, server) = (curl!(), curl!(), http(local()));
    absent.arg(format!("http://{}/nothing", server.address()));
    assert_eq!(run(absent, Vec::new()).status.code(), Some(22));
    refused.arg(format!("http://{}/", server.address()));
    drop(server);
    assert_eq!(run(refused, Vec::new()).status.code(), Some(7));
}

#[test]
fn curl_trusts_our_certificate_and_speaks_http2_through_tls() {
    let (identity, place) = (Identity::new().unwrap(), Place::new("curl.pem"));
    fs::write(&place.0, identity.pem()).unwrap();
    let acceptor: tokio_rustls::TlsAcceptor =
        Arc::new(identity.server(&["h2", "http/1.1"]).unwrap()).into();
    let server = start(local(), move |shard| {
        let (acceptor, builder, hello) = (acceptor.clone(), builder(&shard), Hello::default());
        move |socket, _| {
            // tokio's own TLS on our socket, and hyper on that.
            let (accepting, builder, hello) =
                (acceptor.accept(socket), builder.clone(), hello.clone());
            async move {
                let stream = TokioIo::new(accepting.await.unwrap());
                builder.serve_connection(stream, hello).await.unwrap();
            }
        }
    });
    for (count, (version, spoken)) in (1..).zip([("--http1.1", "1.1"), ("--http2", "2")]) {
        let (mut curl, url) = (curl!(), format!("https://{}/", server.address()));
        curl.arg("--cacert").arg(&place).args([version, "--write-out", "%{http_version}\n"]);
        curl.args([url.as_str(); 20]);
        let expected = format!("{GREETING}{spoken}\n").repeat(20);
        assert_eq!(String::from_utf8(succeed(curl, "")).unwrap(), expected);
        assert_eq!(server.served(), count, "a connection for each request");
    }
}

/// An echo through TLS by futures-rustls.
fn tls_echo(identity: &Identity) -> ShardedServer {
    let acceptor = identity.acceptor().unwrap();
    start(local(), move |_| {
        let acceptor = acceptor.clone();
        move |socket, _| {
            let accepting = acceptor.accept(socket);
            async move {
                // A client that does not trust us leaves.
                let Ok(stream) = accepting.await else { return };
                let (mut reader, mut writer) = futures_lite::io::split(stream);
                if copy(&mut reader, &mut writer).await.is_ok() {
                    drop(writer.close().await);
                }
            }
        }
    })
}

fn s_client(mut openssl: Command, server: &ShardedServer, trusted: &Place) -> Command {
    openssl.args(["s_client", "-verify_return_error", "-quiet", "-no_ign_eof"]);
    openssl.arg("-connect").arg(server.address().to_string()).arg("-CAfile").arg(trusted);
    openssl
}

#[test]
fn openssl_talks_to_us_by_both_versions_of_tls() {
    let (identity, place) = (Identity::new().unwrap(), Place::new("openssl.pem"));
    fs::write(&place.0, identity.pem()).unwrap();
    let server = tls_echo(&identity);
    for version in ["-tls1_2", "-tls1_3"] {
        let mut openssl = s_client(program!("openssl"), &server, &place);
        openssl.arg(version).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = Ending(openssl.spawn().unwrap());
        let mut stdin = child.0.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.0.stdout.take().unwrap());
        for number in 0..20 {
            let line = format!("line {number} by {version}\n");
            stdin.write_all(line.as_bytes()).unwrap();
            let mut back = String::new();
            stdout.read_line(&mut back).unwrap();
            assert_eq!(back, line);
        }
        drop(stdin);
        assert!(child.0.wait().unwrap().success());
        assert_eq!(stdout.read(&mut [0]).unwrap(), 0);
    }
}

/// A child that does not outlive its test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn openssl_does_not_trust_another_certificate() {
    let (ours, other) = (Identity::new().unwrap(), Identity::new().unwrap());
    let place = Place::new("other.pem");
    fs::write(&place.0, other.pem()).unwrap();
    let server = tls_echo(&ours);
    let refused = run(s_client(program!("openssl"), &server, &place), Vec::new());
    assert!(!refused.status.success());
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(complaint.contains("verify error"), "{complaint}");
}

#[test]
fn nc_gets_back_what_it_sends_after_it_has_ended() {
    for address in [local(), SocketAddress::ipv6("::1", 0).unwrap()] {
        let (mut nc, server, sent) = (program!("nc"), echo(address), noise(4 << 20));
        let (host, port) = (server.address().ip().unwrap(), server.address().port().unwrap());
        // -N: ends its half with its input, and goes on reading.
        nc.args(["-N", "-w", "20", &host.to_string(), &port.to_string()]);
        assert!(succeed(nc, sent.clone()) == sent, "other bytes than were sent");
        assert!(server.stop(Duration::ZERO)[0].outcome.is_ok());
    }
}

#[test]
fn nc_gets_back_what_it_sends_over_a_unix_socket() {
    let (mut nc, place, sent) = (program!("nc"), Place::new("nc"), noise(1 << 20));
    let server = echo(SocketAddress::unix(&place.0).unwrap());
    nc.args(["-N", "-w", "20", "-U"]).arg(&place);
    assert!(succeed(nc, sent.clone()) == sent, "other bytes than were sent");
    assert_eq!(server.served(), 1);
}

#[test]
fn nc_is_told_whether_somebody_listens() {
    let (mut open, mut closed, server) = (program!("nc"), program!("nc"), echo(local()));
    let port = server.address().port().unwrap().to_string();
    open.args(["-z", "127.0.0.1", &port]);
    succeed(open, "");
    drop(server);
    closed.args(["-z", "127.0.0.1", &port]);
    assert_eq!(run(closed, Vec::new()).status.code(), Some(1));
}
