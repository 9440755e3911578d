using System.Text;
using Tempo.Engine.Node.Peers;
using Tempo.Ring.Peers;
using Xunit;

namespace Tempo.Ring.Tests;

/// <summary>In which order the end of a write and the answer to it may be heard.</summary>
public sealed class PushConnectionTests
{
    // The owner stores and answers between the last bytes' leaving and the write's being told so: what it took is not sent again.
    [Fact]
    public async Task An_answer_that_is_heard_before_the_write_has_ended_counts()
    {
        var stream = new LateStream("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        var asking = new PushConnection(stream, "POST / HTTP/1.1\r\n"u8.ToArray()).AskAsync(
            new PushBatch(new byte[PeerProtocol.HeadRoomBytes + 100]), TestContext.Current.CancellationToken);
        Assert.False(asking.IsCompleted);
        stream.Written.SetResult();
        var answer = await asking;
        Assert.Equal((200, "ok", false), (answer.Status, Encoding.ASCII.GetString(answer.Body), answer.MayGoOn));
    }

    [Fact]
    public async Task A_write_that_fails_after_an_answer_is_a_failure()
    {
        var stream = new LateStream("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        var asking = new PushConnection(stream, "POST / HTTP/1.1\r\n"u8.ToArray()).AskAsync(
            new PushBatch(new byte[PeerProtocol.HeadRoomBytes + 100]), TestContext.Current.CancellationToken);
        stream.Written.SetException(new IOException("planted"));
        Assert.Equal("planted", (await Assert.ThrowsAsync<IOException>(() => asking)).Message);
    }

    // Its memory is another request's as soon as this has ended.
    [Fact]
    public async Task A_batch_whose_connection_is_ended_is_read_until_its_write_has_ended()
    {
        var stream = new LateStream("");
        var connection = new PushConnection(stream, "POST / HTTP/1.1\r\n"u8.ToArray());
        var asking = connection.AskAsync(
            new PushBatch(new byte[PeerProtocol.HeadRoomBytes + 10], new byte[100]), new CancellationToken(canceled: true));
        connection.End(new PeerException("gone"));
        Assert.False(asking.IsCompleted);
        stream.Written.SetException(new IOException("planted"));
        await Assert.ThrowsAnyAsync<Exception>(() => asking);
    }

    /// <summary>Has an answer at once, and ends its writes when the test says so.</summary>
    private sealed class LateStream(string answer) : MemoryStream(Encoding.ASCII.GetBytes(answer))
    {
        public TaskCompletionSource Written { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            new(Written.Task);
    }
}
