//! A bad network: a loopback proxy in front of a server, which delays and cuts connections on
//! request.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Bytes forwarded at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// The state of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Everything is forwarded.
    Clear,
    /// New connections are reset immediately, and so are existing ones.
    Refusing,
    /// Everything is forwarded, each chunk with this delay.
    Slow(Duration),
    /// Clients' data is forwarded, the server's answers are not.
    Mute,
}

/// The state that all connections watch.
#[derive(Debug, Clone, Copy)]
struct Forecast {
    weather: Weather,
    /// Connections from an earlier age are cut.
    age: u64,
}

/// A proxy. Dropping it ends it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    forecast: Arc<watch::Sender<Forecast>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy in front of the server at this loopback port.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(upstream: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let forecast = Arc::new(watch::Sender::new(Forecast { weather: Weather::Clear, age: 0 }));
        let accepting = tokio::spawn(accept(listener, upstream, Arc::clone(&forecast)));
        Self { port, forecast, accepting }
    }

    /// The port on which it listens on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection with a reset.
    pub fn cut(&self) {
        self.forecast.send_modify(|forecast| forecast.age += 1);
    }

    /// Sets the state. Connections that missed answers, or that are now refused, are cut.
    pub fn set(&self, weather: Weather) {
        self.forecast.send_modify(|forecast| {
            if forecast.weather == Weather::Mute || weather == Weather::Refusing {
                forecast.age += 1;
            }
            forecast.weather = weather;
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, upstream: u16, forecast: Arc<watch::Sender<Forecast>>) {
    loop {
        // The client may have left before it was accepted.
        let Ok((client, _)) = listener.accept().await else { continue };
        let mut forecast = forecast.subscribe();
        tokio::spawn(async move {
            let Forecast { weather, age } = *forecast.borrow_and_update();
            let server = match weather {
                Weather::Refusing => None,
                _ => TcpStream::connect(("127.0.0.1", upstream)).await.ok(),
            };
            match server {
                Some(server) => connected(client, server, forecast, age).await,
                None => reset(&client),
            }
        });
    }
}

/// Forwards bytes in both directions until one end closes or the age changes.
async fn connected(
    client: TcpStream,
    server: TcpStream,
    mut forecast: watch::Receiver<Forecast>,
    age: u64,
) {
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let (requests, seen) = (forecast.clone(), forecast.clone());
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let cut = tokio::select! {
        _ = pass_on(&from_client, &to_server, requests, false) => false,
        _ = pass_on(&from_server, &to_client, seen, true) => false,
        _ = forecast.wait_for(|forecast| forecast.age != age) => true,
    };
    if cut {
        reset(to_client.as_ref());
        reset(to_server.as_ref());
    }
}

async fn pass_on(
    from: &OwnedReadHalf,
    to: &OwnedWriteHalf,
    mut forecast: watch::Receiver<Forecast>,
    answers: bool,
) -> std::io::Result<()> {
    let mut bytes = vec![0; CHUNK_BYTES];
    loop {
        from.readable().await?;
        // Data that must not be forwarded now stays in the socket.
        let passes = |forecast: &Forecast| !answers || forecast.weather != Weather::Mute;
        let Ok(now) = forecast.wait_for(passes).await.map(|forecast| forecast.weather) else {
            return Ok(());
        };
        if let Weather::Slow(delay) = now {
            tokio::time::sleep(delay).await;
        }
        let count = match from.try_read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        write_all(to, &bytes[..count]).await?;
    }
}

async fn write_all(to: &OwnedWriteHalf, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes the connection end with a reset when it is dropped, which follows immediately.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}
