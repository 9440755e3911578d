using System.Net;
using Tempo.Engine.Node.Peers;

namespace Tempo.Ring.Peers;

/// <summary>
/// The way on which a node is given spans: a connection of its own, begun as a request of HTTP/1.1 that is upgraded. So it has the port, the certificates and the
/// secret of all other requests between nodes, and none of the frames of 16 KiB of HTTP/2, each of which wakes a thread at both ends. A batch is a frame
/// there, its outcomes a frame back, in any order:
/// <code>
/// frame    number u32 LE   length u32 LE   records of <see cref="PeerProtocol"/>
/// answer   number u32 LE   length u32 LE   outcomes; none: there was no room for the batch
/// </code>
/// Once something fails it is over, and all that waits fails with it; who sends next opens another one. Thread safe.
/// </summary>
/// <param name="transport">Where it runs.</param>
/// <param name="name">Of the node.</param>
/// <param name="address">Where the node is.</param>
internal sealed class PushStream(PeerTransport transport, string name, string address) : IPushStream
{
    /// <summary>Outcomes of a batch: some bytes a record.</summary>
    private const int MaxAnswerBytes = 64 << 20;

    private readonly Lock _lock = new();
    private readonly Dictionary<uint, TaskCompletionSource<byte[]>> _waiting = []; // under the lock, like all below
    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _end = new();
    private readonly TaskCompletionSource<Stream> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private uint _last;
    private Exception? _failure;

    /// <inheritdoc/>
    public bool IsOver => Volatile.Read(ref _failure) is not null;

    /// <summary>Begins it. It reads answers until it is over.</summary>
    public void Start() => _ = RunAsync();

    public void Dispose() => Fail(new PeerException($"{name} at {address} is not a member any more"));

    /// <inheritdoc/>
    public async Task<byte[]> AskAsync(Memory<byte> frame, Action sent, CancellationToken cancellation)
    {
        var answer = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        uint number;
        lock (_lock)
        {
            if (_failure is { } failure) throw Again(failure);
            number = ++_last;
            _waiting.Add(number, answer);
        }

        PeerProtocol.WriteFrameHeader(frame.Span, number, frame.Length - PeerProtocol.FrameHeaderBytes);
        try
        {
            await WriteAsync(frame, cancellation).ConfigureAwait(false);
            sent();
            return await answer.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // A part of a frame may be on its way, and nobody would know where the next one begins.
            Fail(new PeerException($"{name} at {address} is late", new TimeoutException()));
            throw;
        }
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> frame, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var stream = await _opened.Task.WaitAsync(cancellation).ConfigureAwait(false);
            await stream.WriteAsync(frame, cancellation).ConfigureAwait(false); // at once: there is no buffer
        }
        catch (Exception e) when (e is not OperationCanceledException and not PeerException)
        {
            Fail(e);
            throw Again(e);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task RunAsync()
    {
        try
        {
            using var request = transport.RequestOf(HttpMethod.Get, address, PeerProtocol.PushStream);
            request.Version = HttpVersion.Version11;
            request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
            request.Headers.TryAddWithoutValidation("Upgrade", PeerProtocol.PushUpgrade);
            using var response = await transport.SendAsync(request, _end.Token).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.SwitchingProtocols) throw new PeerException($"{name} at {address} answered {PeerProtocol.PushStream} with {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync(_end.Token).ConfigureAwait(false)}");
            var stream = await response.Content.ReadAsStreamAsync(_end.Token).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                _opened.TrySetResult(stream);
                await ReadAsync(stream).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    private async Task ReadAsync(Stream stream)
    {
        var header = new byte[PeerProtocol.FrameHeaderBytes];
        while (true)
        {
            await stream.ReadExactlyAsync(header, _end.Token).ConfigureAwait(false);
            var (number, length) = PeerProtocol.ReadFrameHeader(header);
            if (length > MaxAnswerBytes) throw new PeerException($"{name} sent outcomes of {length} bytes; the limit is {MaxAnswerBytes}");
            var answer = new byte[length];
            await stream.ReadExactlyAsync(answer, _end.Token).ConfigureAwait(false);
            TaskCompletionSource<byte[]>? waiting;
            lock (_lock) _waiting.Remove(number, out waiting);
            waiting?.TrySetResult(answer);
        }
    }

    private void Fail(Exception failure)
    {
        TaskCompletionSource<byte[]>[] waiting;
        lock (_lock)
        {
            if (_failure is not null) return;
            Volatile.Write(ref _failure, failure);
            waiting = [.. _waiting.Values];
            _waiting.Clear();
        }

        if (_opened.TrySetException(failure)) _ = _opened.Task.Exception; // seen: whoever waits is told
        _end.Cancel();
        foreach (var one in waiting) one.TrySetException(Again(failure));
    }

    // What the node said itself is no sign that it does not answer.
    private PeerException Again(Exception failure) => failure is PeerException said
        ? new PeerException(said.Message, said.InnerException)
        : new PeerException($"{name} at {address} does not answer: {failure.GetBaseException().Message}", failure);
}
