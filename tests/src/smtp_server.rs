//! A mail server that speaks just enough SMTP to receive, and can refuse for a while.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::waiting::until;

/// A received mail.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The sender in the envelope.
    pub from: String,
    /// The recipient in the envelope.
    pub to: String,
    /// The headers and the text, without the encoding of long lines.
    pub text: String,
}

#[derive(Debug, Default)]
struct Memory {
    mails: Vec<Mail>,
    /// How many more mails are refused with 451.
    refusals: usize,
}

/// A running mail server. Dropping it ends it.
#[derive(Debug)]
pub struct SmtpServer {
    address: SocketAddr,
    memory: Arc<Mutex<Memory>>,
    running: JoinHandle<()>,
}

impl SmtpServer {
    /// Starts a server on any free port.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let memory = Arc::<Mutex<Memory>>::default();
        let shared = Arc::clone(&memory);
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, memory, running }
    }

    /// The server's URL.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Refuses this number of mails, each with the request to try later.
    pub fn refuse(&self, count: usize) {
        self.memory().refusals = count;
    }

    /// All mails received so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.memory().mails.clone()
    }

    /// Waits until this number of mails was received, and returns them all.
    ///
    /// # Panics
    /// If they do not arrive.
    pub async fn received(&self, count: usize) -> Vec<Mail> {
        let enough = async || Some(self.mails()).filter(|mails| mails.len() >= count);
        until("the mail arrives", enough).await
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().expect("nothing panics while it holds the lock")
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn serve(mut stream: TcpStream, memory: Arc<Mutex<Memory>>) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 a test\r\n").await?;
    let (mut from, mut to) = (String::new(), String::new());
    while let Some(line) = lines.next_line().await? {
        let (verb, rest) = line.split_at(line.find([' ', ':']).unwrap_or(line.len()));
        let path = || rest.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => "250 a test",
            "MAIL" => {
                from = path();
                "250 fine"
            }
            "RCPT" => {
                to = path();
                "250 fine"
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let mut text = String::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                let text = text.replace("=\n", "").replace("=3D", "=");
                let mut memory = memory.lock().expect("nothing panics while it holds the lock");
                if memory.refusals > 0 {
                    memory.refusals -= 1;
                    "451 try later"
                } else {
                    memory.mails.push(Mail { from: from.clone(), to: to.clone(), text });
                    "250 received"
                }
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                break;
            }
            _ => "250 fine",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}
