using System.Globalization;
using System.Text;
using Tempo.Engine.Node.Peers;

namespace Tempo.Ring.Peers;

/// <summary>One connection of a <see cref="PushWay"/>: one post at a time.</summary>
/// <param name="stream">Connected; its own from here on.</param>
/// <param name="head">What stands before the length of a post's body.</param>
internal sealed class PushConnection(Stream stream, byte[] head)
{
    private const int UsualAnswerBytes = 1024;

    private byte[] _received = new byte[UsualAnswerBytes];
    private int _count;
    private PeerException? _endedBy;

    /// <summary>Nothing has come since the last post.</summary>
    public bool HasHeardNothing => _count == 0;

    /// <summary>Why it was ended while it was in use; null: it was not.</summary>
    public PeerException? EndedBy => Volatile.Read(ref _endedBy);

    /// <summary>
    /// Posts a batch. Throws what the stream throws, or <see cref="PeerException"/> for an answer that is none.
    /// Of the batch's memory nothing is used any more when this ends, however it does.
    /// </summary>
    public async Task<PushAnswer> AskAsync(PushBatch batch, CancellationToken cancellation)
    {
        _count = 0;
        var writing = WriteAsync(batch, cancellation);
        if (writing.IsCompletedSuccessfully) return await ReadAsync(cancellation).ConfigureAwait(false); // it went out at once, as most do
        var reading = ReadAsync(cancellation);
        await Task.WhenAny(writing, reading).ConfigureAwait(false);
        if (writing.IsCompletedSuccessfully) return await reading.ConfigureAwait(false);

        // Who refuses a batch says so without having read it, and may close the connection: the write fails, or would never end, and what
        // was said is there. Who has taken it may be heard before the write is told that it has ended.
        try
        {
            var answer = await reading.ConfigureAwait(false);
            if (answer.IsOk) await writing.WaitAsync(cancellation).ConfigureAwait(false);
            return answer with { MayGoOn = false };
        }
        finally
        {
            End(null);
            await ((Task)writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // A batch in one piece, as most are, is one write: there is no buffer.
    private async Task WriteAsync(PushBatch batch, CancellationToken cancellation)
    {
        var (before, start) = PutHead(batch);
        if (before.Length > 0) await stream.WriteAsync(before, cancellation).ConfigureAwait(false);
        if (batch.Large.Length > 0)
        {
            await stream.WriteAsync(batch.Body[start..PeerProtocol.HeadRoomBytes], cancellation).ConfigureAwait(false);
            await stream.WriteAsync(batch.Large, cancellation).ConfigureAwait(false);
            start = PeerProtocol.HeadRoomBytes;
        }

        await stream.WriteAsync(batch.Body[start..], cancellation).ConfigureAwait(false);
    }

    private async Task<PushAnswer> ReadAsync(CancellationToken cancellation)
    {
        while (true)
        {
            if (_count == _received.Length) Array.Resize(ref _received, _count * 2); // never from what the answer says of its own length
            var read = await stream.ReadAsync(_received.AsMemory(_count), cancellation).ConfigureAwait(false);
            if (read == 0) throw new IOException("the connection was closed");
            _count += read;
            if (PushAnswerHead.TryRead(_received.AsSpan(0, _count), out var answer) && _count - answer.HeadBytes is var come
                && come >= answer.BodyBytes)
                return new PushAnswer(answer.Status, _received.AsSpan(answer.HeadBytes, answer.BodyBytes).ToArray(),
                    answer.MayGoOn && come == answer.BodyBytes);
        }
    }

    /// <summary>Closes it; who waits for an answer hears why.</summary>
    public void End(PeerException? why)
    {
        if (why is not null) Volatile.Write(ref _endedBy, why);
        stream.Dispose();
    }

    // The head ends where the records begin; one that is longer than the room goes alone.
    private (ReadOnlyMemory<byte> Before, int Start) PutHead(PushBatch batch)
    {
        var length = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{batch.RecordBytes}\r\n\r\n"));
        var start = PeerProtocol.HeadRoomBytes - length.Length - head.Length;
        if (start < 0) return ((byte[])[.. head, .. length], PeerProtocol.HeadRoomBytes);
        head.CopyTo(batch.Body.Span[start..]);
        length.CopyTo(batch.Body.Span[(start + head.Length)..]);
        return (default, start);
    }
}

/// <summary>What a node answers to a post.</summary>
/// <param name="Status">Of HTTP.</param>
/// <param name="Body">What it says.</param>
/// <param name="MayGoOn">The connection takes another post.</param>
internal readonly record struct PushAnswer(int Status, byte[] Body, bool MayGoOn)
{
    /// <summary>The batch was taken.</summary>
    public bool IsOk => Status == 200;
}
