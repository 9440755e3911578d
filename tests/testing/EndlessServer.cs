using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tempo.Testing;

/// <summary>
/// Answers everybody with a head that never ends, header lines in HTTP/1.1 and frames that continue the first one in HTTP/2 (RFC 9113,
/// 6.10), or in HTTP/1.1 with such a body. Sockets and nothing else: what it says that it has sent has left it.
/// </summary>
public sealed class EndlessServer : IDisposable
{
    private const int FrameHeadBytes = 9, PrefaceBytes = 24;
    private const byte Headers = 1, Settings = 4, Continuation = 9, Ack = 1;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private long _sentBytes;

    private EndlessServer(Func<EndlessServer, NetworkStream, Task> answer)
    {
        _listener.Start();
        _ = AnswerAllAsync(_listener, stream => answer(this, stream));
    }

    public string Address => $"{_listener.LocalEndpoint}";

    public long SentBytes => Interlocked.Read(ref _sentBytes);

    public static EndlessServer OfHeads() =>
        new(static (server, stream) => server.AnswerHttp1Async(stream, 200, "", $"x: {new string('A', 1000)}\r\n"));

    public static EndlessServer OfHttp2Heads() => new(static (server, stream) => server.AnswerHttp2Async(stream));

    /// <param name="status">Of the answers.</param>
    /// <param name="begin">How their bodies begin; an A and another one follow for ever.</param>
    public static EndlessServer OfBodies(int status, string begin = "") =>
        new((server, stream) =>
            server.AnswerHttp1Async(stream, status, $"Content-Type: application/json\r\n\r\n{begin}", new string('A', 64 << 10)));

    public void Dispose() => _listener.Dispose();

    private static async Task AnswerAllAsync(TcpListener listener, Func<NetworkStream, Task> answer)
    {
        try
        {
            while (true) _ = AnswerAsync(await listener.AcceptSocketAsync(), answer);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static async Task AnswerAsync(Socket socket, Func<NetworkStream, Task> answer)
    {
        try
        {
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            await answer(stream);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It was given up.
        }
    }

    private async Task AnswerHttp1Async(NetworkStream stream, int status, string begin, string piece)
    {
        _ = await stream.ReadAsync(new byte[16 << 10]);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status} X\r\n{begin}"));
        await RepeatAsync(stream, Encoding.ASCII.GetBytes(piece));
    }

    private async Task AnswerHttp2Async(NetworkStream stream)
    {
        await stream.ReadExactlyAsync(new byte[PrefaceBytes]);
        await stream.WriteAsync(Frame(Settings, 0, 0, []));
        var head = new byte[FrameHeadBytes];
        do
        {
            await stream.ReadExactlyAsync(head);
            await stream.ReadExactlyAsync(new byte[BinaryPrimitives.ReadInt32BigEndian(head) >> 8]);
            if (head[3] == Settings && head[4] != Ack) await stream.WriteAsync(Frame(Settings, Ack, 0, []));
        }
        while (head[3] != Headers);

        var request = BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5));
        await stream.WriteAsync(Frame(Headers, 0, request, [0x88])); // :status 200, and more to come
        // A field that is not kept (RFC 7541, 6.2.3), its name of one byte, its value of 127 + 873.
        await RepeatAsync(stream, Frame(
            Continuation, 0, request, [0x10, 1, (byte)'x', 0x7F, 0xE9, 0x06, .. Encoding.ASCII.GetBytes(new string('A', 1000))]));
    }

    private async Task RepeatAsync(NetworkStream stream, byte[] piece)
    {
        while (true)
        {
            await stream.WriteAsync(piece);
            Interlocked.Add(ref _sentBytes, piece.Length);
        }
    }

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[FrameHeadBytes + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, FrameHeadBytes);
        return frame;
    }
}
