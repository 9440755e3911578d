using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Tempo.SystemTests.Protocol.Abuse;

/// <summary>
/// HTTP/2 frame by frame, so that a test can send what no client does. https://www.rfc-editor.org/rfc/rfc9113#section-4.1
/// </summary>
internal sealed class Http2Connection : IDisposable
{
    public const byte Data = 0, Headers = 1, Priority = 2, RstStream = 3, Settings = 4, PushPromise = 5, Ping = 6, GoAway = 7,
        WindowUpdate = 8, Continuation = 9;
    public const byte EndStream = 1, Ack = 1, EndHeaders = 4;

    private const int HeaderBytes = 9;
    private static readonly byte[] Preface = Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    /// <summary>Connects and says what every client says.</summary>
    public static async Task<Http2Connection> OpenAsync(int port)
    {
        var connection = new Http2Connection();
        await connection._socket.ConnectAsync("127.0.0.1", port);
        await connection._socket.SendAsync(Preface);
        await connection.SendAsync(Frame(Settings, 0, 0));
        return connection;
    }

    public static byte[] Frame(byte type, byte flags, int stream, byte[]? payload = null, int? claimedLength = null)
    {
        payload ??= [];
        var frame = new byte[HeaderBytes + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, (claimedLength ?? payload.Length) << 8);
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, HeaderBytes);
        return frame;
    }

    public static byte[] Number(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>A header block without compression (RFC 7541 §6.2.2): names and values shorter than 127 bytes.</summary>
    public static byte[] HeaderBlock(params (string Name, string Value)[] headers)
    {
        var block = new List<byte>();
        foreach (var (name, value) in headers)
            block.AddRange([0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)]);
        return [.. block];
    }

    /// <summary>A request for a path that is answered at once.</summary>
    public static byte[] Request(string path = "/api/echo") =>
        HeaderBlock((":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", path));

    /// <summary>Sends; false once the server has closed the connection.</summary>
    public async Task<bool> SendAsync(byte[] bytes)
    {
        try
        {
            await _socket.SendAsync(bytes);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>
    /// Reads on until the server closes; the error code of its GOAWAY, -1 if it said none; null if it is still there after a while.
    /// </summary>
    public async Task<int?> EndAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var stream = new NetworkStream(_socket);
        var code = -1;
        var header = new byte[HeaderBytes];
        try
        {
            while (true)
            {
                await stream.ReadExactlyAsync(header, patience.Token);
                var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(header) >>> 8];
                await stream.ReadExactlyAsync(payload, patience.Token);
                if (header[3] == GoAway) code = BinaryPrimitives.ReadInt32BigEndian(payload.AsSpan(4));
            }
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or EndOfStreamException)
        {
            return code;
        }
    }

    public void Dispose() => _socket.Dispose();
}
