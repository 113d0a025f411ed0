//! The runner's ends of a conversation with a program: messages go to the program's descriptor 3,
//! and answers come from its descriptor 4.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::pipe2;

/// How much is read or written at a time, in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// The size of each pipe, in bytes, if the kernel allows it.
const PIPE_BYTES: i32 = 256 << 10;

/// How long a program that has closed its end may take to end. A program that takes longer has
/// closed it itself.
const END_WAIT_MAX: Duration = Duration::from_millis(100);

/// The length of an answer's own length, in bytes.
const HEAD_BYTES: usize = 4;

/// A conversation.
pub(crate) struct Talk {
    /// `None` once the program has closed its end.
    messages: Option<File>,
    answers: Option<File>,
    message: Vec<u8>,
    /// The number of bytes of the message that are written.
    sent: usize,
    received: Vec<u8>,
    answer_bytes_max: u64,
    /// When the program closed its end.
    closed: Option<Instant>,
}

/// What the program has said in its turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing, or not yet all of it.
    Part,
    /// One answer.
    Answer(Vec<u8>),
    /// More than the longest answer.
    TooMuch,
    /// An answer and more.
    Excess,
    /// It closed its end before it had answered.
    Closed,
}

impl Talk {
    /// A conversation, and the program's ends.
    pub(crate) fn begin() -> io::Result<(Self, [OwnedFd; 2])> {
        let (program_messages, messages) = pipe2(OFlag::O_CLOEXEC)?;
        let (answers, program_answers) = pipe2(OFlag::O_CLOEXEC)?;
        for ours in [&messages, &answers] {
            fcntl(ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
            // Best effort, for speed.
            let _ = fcntl(ours, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
        }
        // Some languages can only open the descriptors by name, as a user who does not own them.
        for pipe in [&program_messages, &program_answers] {
            fchmod(pipe, Mode::from_bits_truncate(0o666))?;
        }
        let talk = Self {
            messages: Some(messages.into()),
            answers: Some(answers.into()),
            message: Vec::new(),
            sent: 0,
            received: Vec::new(),
            answer_bytes_max: 0,
            closed: None,
        };
        Ok((talk, [program_messages, program_answers]))
    }

    /// Begins a turn with this message.
    pub(crate) fn say(&mut self, message: Vec<u8>, answer_bytes_max: u64) {
        (self.message, self.sent) = (message, 0);
        self.answer_bytes_max = answer_bytes_max;
    }

    /// Writes and reads what is possible now. Returns whether the turn is over.
    pub(crate) fn go_on(&mut self) -> io::Result<bool> {
        self.write_on()?;
        self.read_on()?;
        let is_silent = self.closed.is_some_and(|at| at.elapsed() > END_WAIT_MAX);
        Ok(is_silent || self.said_length() > Some(0) || self.is_too_much())
    }

    /// What to poll.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = PollFd<'_>> {
        let unsent = self.messages.as_ref().filter(|_| self.sent < self.message.len());
        let unsent = unsent.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLOUT));
        let unread = self.answers.as_ref();
        unsent.into_iter().chain(unread.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)))
    }

    /// The number of bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.message.len() + self.received.len()
    }

    /// When the turn is over even if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.closed.map(|at| at + END_WAIT_MAX)
    }

    /// Whether the program says something, or has closed its end, before its turn.
    pub(crate) fn is_out_of_turn(&mut self) -> io::Result<bool> {
        self.read_on()?;
        Ok(!self.received.is_empty() || self.closed.is_some())
    }

    /// Takes what the program has said in its turn.
    pub(crate) fn take(&mut self) -> io::Result<Said> {
        self.read_on()?;
        let received = std::mem::take(&mut self.received);
        let length = length_of(&received);
        Ok(if length.is_some_and(|length| length > self.answer_bytes_max) {
            Said::TooMuch
        } else if length.is_some_and(|length| received.len() as u64 == HEAD_BYTES as u64 + length) {
            let mut answer = received;
            answer.drain(..HEAD_BYTES);
            Said::Answer(answer)
        } else if length.is_some_and(|length| received.len() as u64 > HEAD_BYTES as u64 + length) {
            Said::Excess
        } else if self.closed.is_some() {
            Said::Closed
        } else {
            self.received = received;
            Said::Part
        })
    }

    /// The number of bytes of the answer and what follows it, once the answer is complete.
    fn said_length(&self) -> Option<usize> {
        let whole = HEAD_BYTES as u64 + length_of(&self.received)?;
        (self.received.len() as u64 >= whole).then_some(self.received.len())
    }

    fn is_too_much(&self) -> bool {
        length_of(&self.received).is_some_and(|length| length > self.answer_bytes_max)
    }

    fn write_on(&mut self) -> io::Result<()> {
        while let (Some(messages), true) = (&mut self.messages, self.sent < self.message.len()) {
            let end = self.message.len().min(self.sent + PIECE_BYTES);
            match messages.write(&self.message[self.sent..end]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.messages = None,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read_on(&mut self) -> io::Result<()> {
        let mut buffer = [0; PIECE_BYTES];
        while let Some(answers) = &mut self.answers {
            match answers.read(&mut buffer) {
                Ok(0) => {
                    self.answers = None;
                    self.closed = Some(Instant::now());
                }
                Ok(count) => {
                    self.received.extend_from_slice(&buffer[..count]);
                    // The clocks are checked between pieces, and nothing is kept beyond the limit.
                    if count < buffer.len() || self.said_length().is_some() || self.is_too_much() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The length that an answer announces, once that much of it is there.
fn length_of(received: &[u8]) -> Option<u64> {
    received.first_chunk::<HEAD_BYTES>().map(|head| u32::from_le_bytes(*head).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A conversation with a program that writes these pieces.
    fn said(pieces: &[&[u8]], answer_bytes_max: u64) -> (bool, Said) {
        let (mut talk, [_messages, answers]) = Talk::begin().expect("there are descriptors left");
        talk.say(vec![], answer_bytes_max);
        let mut answers = File::from(answers);
        let mut is_over = false;
        for piece in pieces {
            answers.write_all(piece).expect("the pipe has room");
            is_over = talk.go_on().expect("the pipe is there");
        }
        (is_over, talk.take().expect("the pipe is there"))
    }

    #[test]
    fn an_answer_is_whole_when_its_announced_length_is_there() {
        assert_eq!(said(&[], 9), (false, Said::Part));
        assert_eq!(said(&[&[2, 0, 0]], 9), (false, Said::Part));
        assert_eq!(said(&[&[2, 0, 0, 0, 7]], 9), (false, Said::Part));
        assert_eq!(said(&[&[2, 0, 0], &[0, 7], &[8]], 9), (true, Said::Answer(vec![7, 8])));
        assert_eq!(said(&[&[0, 0, 0, 0]], 9), (true, Said::Answer(vec![])));
    }

    #[test]
    fn what_follows_an_answer_spoils_it() {
        assert_eq!(said(&[&[1, 0, 0, 0, 7, 1, 0, 0, 0, 7]], 9), (true, Said::Excess));
        assert_eq!(said(&[&[0, 0, 0, 0, 9]], 9), (true, Said::Excess));
    }

    #[test]
    fn a_long_answer_is_not_waited_for() {
        assert_eq!(said(&[&[10, 0, 0, 0]], 9), (true, Said::TooMuch));
        assert_eq!(said(&[&[255, 255, 255, 255]], 9), (true, Said::TooMuch));
    }

    #[test]
    fn a_closed_end_spoils_the_conversation_after_a_while() {
        let (mut talk, [_messages, answers]) = Talk::begin().expect("there are descriptors left");
        talk.say(vec![], 9);
        drop(answers);
        assert!(!talk.go_on().expect("the pipe is there"), "the program may be ending");
        while !talk.go_on().expect("the pipe is there") {
            std::thread::yield_now();
        }
        assert_eq!(talk.take().expect("the pipe is there"), Said::Closed);
    }

    #[test]
    fn a_message_larger_than_the_pipe_is_written_in_pieces() {
        let (mut talk, [messages, _answers]) = Talk::begin().expect("there are descriptors left");
        let message: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();
        talk.say(message.clone(), 9);
        let reader = std::thread::spawn(move || {
            let mut read = vec![0; 3_000_000];
            File::from(messages).read_exact(&mut read).expect("all of it comes");
            read
        });
        while talk.sent < message.len() {
            assert!(!talk.go_on().expect("the pipe is there"));
            std::thread::yield_now();
        }
        assert_eq!(reader.join().expect("it has read"), message);
    }
}
