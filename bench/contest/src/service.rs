//! The answer of the HTTP servers that are hyper's: one service on all loops.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::rt::{Read, Timer, Write};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};

use crate::greeting::GREETING;

/// Answers a connection's requests with the greeting, to its end. The timer is
/// for the time limit that hyper has for the head of a request.
pub async fn serve<C, T>(connection: C, timer: T)
where
    C: Read + Write + Unpin,
    T: Timer + Send + Sync + 'static,
{
    let connection = Builder::new().timer(timer).serve_connection(connection, service_fn(greet));
    // A client that leaves in the middle of something is no failure of ours.
    let _ = connection.await;
}

async fn greet(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(GREETING)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}
