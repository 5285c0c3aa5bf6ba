use tokio::net::TcpListener;
use tower_adaptive_sim::serve;

use crate::driver::{self, Site};
pub(crate) use crate::driver::{Browser, PATIENCE};

/// Runs a test in a browser of its own, with a server of its own.
pub(crate) async fn in_browser(test: impl AsyncFnOnce(&Browser) + Send + 'static) {
    driver::in_browser(simulator, test).await;
}

async fn simulator() -> Site {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(serve::serve_on(listener));
    Site {
        address,
        ready: "window.simulator?.shown.length > 0",
    }
}
