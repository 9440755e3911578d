using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Tempo.Engine.ObjectStore;

/// <summary>One connection, one request at a time, in memcached's text protocol. After an exception it is of no more use.</summary>
internal sealed class MemcachedConnection(Socket socket) : IDisposable
{
    private const int MaxLineBytes = 1024;
    private readonly byte[] _line = new byte[MaxLineBytes];
    private int _lineStart;
    private int _lineEnd;

    /// <summary>
    /// The value, or null if there is none. Throws <see cref="IOException"/> for an answer that is none, and <see cref="SocketException"/>.
    /// </summary>
    public async ValueTask<byte[]?> GetAsync(string key, int maxBytes, CancellationToken cancellation)
    {
        await SendAsync(Encoding.ASCII.GetBytes($"get {key}\r\n"), cancellation).ConfigureAwait(false);
        var line = await ReadLineAsync(cancellation).ConfigureAwait(false);
        if (line == "END") return null;
        // VALUE <key> <flags> <bytes>
        if (line.Split(' ') is not ["VALUE", var answered, _, var text] || answered != key
            || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            throw new IOException($"memcached answered {line}");
        if (count > maxBytes) throw new IOException($"memcached answered a value of {count} bytes, at most {maxBytes} were put");
        var value = GC.AllocateUninitializedArray<byte>(count); // filled, or not returned
        await ReadAsync(value, cancellation).ConfigureAwait(false);
        if (await ReadLineAsync(cancellation).ConfigureAwait(false) is { Length: > 0 } rest
            || await ReadLineAsync(cancellation).ConfigureAwait(false) is var end && end != "END")
            throw new IOException("memcached's value is longer than it said");
        return value;
    }

    /// <summary>
    /// Stores a value, which is these two one after the other. One that the server refuses (too large, out of memory) is not there
    /// afterwards; that is no error.
    /// </summary>
    public async ValueTask SetAsync(
        string key, int secondsToLive, byte[] header, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var command = Encoding.ASCII.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"set {key} 0 {secondsToLive} {header.Length + content.Length}\r\n"));
        await SendAsync((byte[])[.. command, .. header], cancellation).ConfigureAwait(false);
        await SendAsync(content, cancellation).ConfigureAwait(false);
        await SendAsync("\r\n"u8.ToArray(), cancellation).ConfigureAwait(false);
        var line = await ReadLineAsync(cancellation).ConfigureAwait(false);
        if (line != "STORED" && !line.StartsWith("SERVER_ERROR", StringComparison.Ordinal))
            throw new IOException($"memcached answered {line}");
    }

    public void Dispose() => socket.Dispose();

    private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        while (!bytes.IsEmpty) bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, cancellation).ConfigureAwait(false)..];
    }

    private async ValueTask<string> ReadLineAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var there = _line.AsSpan(_lineStart, _lineEnd - _lineStart);
            if (there.IndexOf("\r\n"u8) is >= 0 and var length)
            {
                _lineStart += length + 2;
                return Encoding.ASCII.GetString(there[..length]);
            }

            there.CopyTo(_line);
            (_lineStart, _lineEnd) = (0, there.Length);
            if (_lineEnd == MaxLineBytes) throw new IOException($"memcached answered a line of more than {MaxLineBytes} bytes");
            _lineEnd += await ReceiveAsync(_line.AsMemory(_lineEnd), cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask ReadAsync(Memory<byte> destination, CancellationToken cancellation)
    {
        var early = Math.Min(_lineEnd - _lineStart, destination.Length);
        _line.AsSpan(_lineStart, early).CopyTo(destination.Span);
        _lineStart += early;
        for (destination = destination[early..]; !destination.IsEmpty;)
            destination = destination[await ReceiveAsync(destination, cancellation).ConfigureAwait(false)..];
    }

    private async ValueTask<int> ReceiveAsync(Memory<byte> destination, CancellationToken cancellation) =>
        await socket.ReceiveAsync(destination, SocketFlags.None, cancellation).ConfigureAwait(false) is > 0 and var count
            ? count
            : throw new IOException("memcached closed the connection");
}
