use std::io;
use std::process::ExitCode;

use tokio::net::TcpListener;
use tower_adaptive_sim::serve::{self, Args};

use super::output::{self, Error};

/// Serves the page until it is interrupted, and prints its address.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    let address = args.address();
    let cannot = |source: io::Error| Error::Serve { address, source };
    let runtime = tokio::runtime::Runtime::new().map_err(cannot)?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        output::print(&format!("http://{address}\n"))?;
        tokio::select! {
            served = serve::serve_on(listener) => served.map_err(cannot)?,
            interrupted = tokio::signal::ctrl_c() => interrupted.map_err(cannot)?,
        }
        Ok(ExitCode::SUCCESS)
    });
    // What is still being simulated is for nobody.
    runtime.shutdown_background();
    served
}
