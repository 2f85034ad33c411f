//! A TCP connection that can break in the middle of an answer, as real ones do.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// What happens to the next answer on a connection.
#[derive(Clone, Debug, Default)]
pub(super) enum Plan {
    /// It goes through.
    #[default]
    Whole,
    /// These bytes go before it.
    After(Vec<u8>),
    /// The connection is reset instead.
    Reset,
    /// Its headers and this many bytes of its body go through, then the connection ends.
    BodyBytesMax(usize),
    /// The connection ends.
    Ended,
}

/// The handle with which a request's handler plans for its own connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Arc<Mutex<Plan>>);

impl Line {
    pub(super) fn plan(&self, plan: Plan) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    fn take(&self) -> Plan {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Connected<IncomingStream<'_, BreakableListener>> for Line {
    fn connect_info(stream: IncomingStream<'_, BreakableListener>) -> Line {
        stream.remote_addr().clone()
    }
}

/// A listener whose connections can break.
pub(super) struct BreakableListener(pub(super) TcpListener);

impl Listener for BreakableListener {
    type Io = BreakableStream;
    /// Not the address of the other side, which nobody asks for, but the handle to the connection.
    type Addr = Line;

    async fn accept(&mut self) -> (BreakableStream, Line) {
        let (stream, _): (TcpStream, SocketAddr) = Listener::accept(&mut self.0).await;
        // Without this, answers to small requests wait for acknowledgements; if it fails, they only come later.
        let _ = stream.set_nodelay(true);
        let line = Line::default();
        let stream = BreakableStream {
            stream,
            line: line.clone(),
        };
        (stream, line)
    }

    fn local_addr(&self) -> io::Result<Line> {
        Ok(Line::default())
    }
}

/// A stream that breaks when its handle says so.
pub(super) struct BreakableStream {
    stream: TcpStream,
    line: Line,
}

impl BreakableStream {
    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }
}

impl AsyncWrite for BreakableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.line.take() {
            Plan::Whole => self.write(cx, bytes),
            Plan::After(before) => match self.write(cx, &before) {
                Poll::Ready(Ok(written)) => {
                    if written < before.len() {
                        self.line.plan(Plan::After(before[written..].to_vec()));
                    }
                    // Nothing of the answer itself is out yet, so it is asked for again.
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                other => {
                    self.line.plan(Plan::After(before));
                    other
                }
            },
            Plan::Reset => {
                self.stream.set_zero_linger()?;
                self.line.plan(Plan::Ended);
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            Plan::BodyBytesMax(left) => {
                let body = bytes.windows(4).position(|it| it == b"\r\n\r\n");
                let end = body.map_or(bytes.len(), |it| bytes.len().min(it + 4 + left));
                self.line.plan(Plan::Ended);
                self.write(cx, &bytes[..end])
            }
            Plan::Ended => {
                self.line.plan(Plan::Ended);
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for BreakableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}
