using System.Net.Sockets;
using System.Security.Authentication;
using Tempo.Engine.Node.Peers;

namespace Tempo.Ring.Peers;

/// <summary>
/// The way on which a node is given spans: plain posts of HTTP/1.1, each on a connection that it has for itself until it is answered. So it
/// has the port, the certificates and the secret of all other requests between nodes; a batch of small requests is one write; and the other
/// end can read, store and answer it on one thread. Connections are kept; one that was closed meanwhile is replaced without a word. Thread
/// safe.
/// </summary>
/// <param name="transport">Where it connects.</param>
/// <param name="name">Of the node.</param>
/// <param name="address">Where the node is.</param>
internal sealed class PushWay(PeerTransport transport, string name, string address) : IPushWay
{
    private const int Unavailable = 503;

    private readonly Lock _lock = new();
    private readonly HashSet<PushConnection> _open = []; // under the lock, like all below
    private readonly Stack<PushConnection> _idle = [];
    private bool _isGone;

    public void Dispose()
    {
        lock (_lock) _isGone = true;
        EndAll(Gone());
    }

    /// <inheritdoc/>
    public async Task<byte[]> AskAsync(PushBatch batch, CancellationToken cancellation)
    {
        while (true)
        {
            var connection = TakeIdle();
            var wasIdle = connection is not null;
            try
            {
                connection ??= Add(new PushConnection(
                    await transport.ConnectAsync(address, cancellation).ConfigureAwait(false), transport.PushHeadOf(address)));
                var answer = await connection.AskAsync(batch, cancellation).ConfigureAwait(false);
                if (answer.MayGoOn) Keep(connection);
                else End(connection);
                return OutcomesOf(answer);
            }
            catch (OperationCanceledException)
            {
                // What else is under way there would be late as well.
                EndAll(new PeerException($"{name} at {address} is late", new TimeoutException()));
                throw;
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or AuthenticationException)
            {
                var why = connection?.EndedBy;
                if (connection is not null) End(connection);
                if (why is not null) throw why;
                // Who is silent for long is closed, and who starts anew knows nothing of it. That it had taken the batch all the same
                // cannot be told; then its spans come twice, as from a sender who tries again: they are found once, and counted once
                // (DuplicateFilter of the generator).
                if (wasIdle && connection!.HasHeardNothing) continue;
                throw new PeerException($"{name} at {address} does not answer: {DescriptionOf(e)}", e);
            }
            catch (PeerException)
            {
                if (connection is not null) End(connection);
                throw;
            }
        }
    }

    private byte[] OutcomesOf(PushAnswer answer) => answer switch
    {
        { IsOk: true } => answer.Body,
        { Status: Unavailable } => [],
        _ => throw new PeerException(
            $"{name} at {address} answered {PeerProtocol.Push} with {answer.Status}: {System.Text.Encoding.UTF8.GetString(answer.Body.AsSpan(0, Math.Min(answer.Body.Length, 300))).TrimEnd()}"),
    };

    // Of TLS only the innermost says what is wrong.
    private static string DescriptionOf(Exception e) =>
        e.GetBaseException() is var inner && inner != e ? $"{e.Message} {inner.Message}" : e.Message;

    private PeerException Gone() => new($"{name} at {address} is not a member any more");

    private PushConnection? TakeIdle()
    {
        lock (_lock)
        {
            if (_isGone) throw Gone();
            return _idle.TryPop(out var connection) ? connection : null;
        }
    }

    private PushConnection Add(PushConnection connection)
    {
        lock (_lock)
        {
            if (!_isGone)
            {
                _open.Add(connection);
                return connection;
            }
        }

        connection.End(null);
        throw Gone();
    }

    private void Keep(PushConnection connection)
    {
        lock (_lock)
            if (_open.Contains(connection))
                _idle.Push(connection);
    }

    private void End(PushConnection connection)
    {
        lock (_lock) _open.Remove(connection);
        connection.End(null);
    }

    private void EndAll(PeerException why)
    {
        PushConnection[] open;
        lock (_lock)
        {
            open = [.. _open];
            _open.Clear();
            _idle.Clear();
        }

        foreach (var connection in open) connection.End(why);
    }
}
