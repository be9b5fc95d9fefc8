//! Load for S3 servers, from one thread: puts or gets objects over connections that stay open and
//! prints what it measured as JSON. `null` is a server that keeps nothing, to see how much the load
//! itself can.

mod body;
mod client;
mod load;
mod null;
mod sign;

use std::net::SocketAddr;

use clap::{Parser, Subcommand, ValueEnum};

#[derive(Parser)]
#[command(about = "Load for S3 servers, and a server that keeps nothing.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Puts or gets objects of one size; prints one line of JSON.
    Run(Options),
    /// Creates a bucket.
    CreateBucket(Target),
    /// Answers every PUT with 200 and every GET with as many bytes as its key says.
    Null {
        /// Address to listen on.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
}

/// A bucket of a server.
#[derive(Debug, Clone, clap::Args)]
struct Target {
    /// Where the server listens.
    #[arg(long)]
    server: SocketAddr,
    #[arg(long)]
    bucket: String,
    #[arg(long, default_value = "us-east-1")]
    region: String,
    #[arg(long, default_value = "bench")]
    id: String,
    #[arg(long, default_value = "benchbench")]
    secret: String,
}

/// What is done.
#[derive(Debug, Clone, clap::Args)]
struct Options {
    #[command(flatten)]
    target: Target,
    #[arg(long)]
    operation: Operation,
    /// Bytes of an object.
    #[arg(long)]
    size: usize,
    /// Connections, each of which asks again when it was answered.
    #[arg(long)]
    clients: usize,
    /// Objects: all of them are put once; gets choose among them at random.
    #[arg(long)]
    objects: usize,
    /// Gets; puts end when all objects were put.
    #[arg(long, default_value_t = 0)]
    gets: usize,
    /// Ends early after so many seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Of contents and choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Operation {
    Put,
    Get,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Run(options) => {
            // One thread: it leaves the other processors to the server.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let measured = runtime.block_on(load::run(options))?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
        Command::CreateBucket(target) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(client::create_bucket(&target))
        }
        Command::Null { listen } => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            runtime.block_on(null::serve(listen))
        }
    }
}
