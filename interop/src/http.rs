//! A service that no other thread could have: it counts in an `Rc`.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper::{Method, Request, Response, StatusCode};

/// What it answers with.
pub type Body = BoxBody<Bytes, hyper::Error>;

/// Greets whoever gets `/`, and sends back whatever is posted to `/echo`.
#[derive(Clone, Debug, Default)]
pub struct Hello {
    /// Requests so far.
    pub served: Rc<Cell<u64>>,
}

/// What `/` is answered with.
pub const GREETING: &str = "Hello, World!\n";

impl Service<Request<Incoming>> for Hello {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.served.set(self.served.get() + 1);
        ready(Ok(match (request.method(), request.uri().path()) {
            (&Method::GET, "/") => Response::new(full(GREETING)),
            (&Method::POST, "/echo") => Response::new(request.into_body().boxed()),
            _ => not_found(),
        }))
    }
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(full("nothing here\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// A body that is there already.
pub fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}

/// A request to `localhost`.
///
/// # Panics
///
/// If the path is none.
pub fn request(method: Method, path: &str, body: Body) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    request.body(body).expect("a path")
}
