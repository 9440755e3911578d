using System.Buffers.Text;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Tempo.Perf.Load.Transport;

/// <summary>POST /v1/traces over HTTP/1.1 with keep-alive, one request at a time.</summary>
internal sealed class Http1Connection : IExportConnection
{
    private const int MaxContentLengthDigits = 10;

    private readonly Socket _socket;
    private readonly IExportObserver _observer;
    private readonly byte[] _head;
    private readonly byte[] _inbox = new byte[64 * 1024];
    private int _inboxLength;
    private int _openSlot = -1;

    // The head is written right before the body, so that both go out in one call. _bodyStart leaves room for the longest head.
    private readonly int _bodyStart;
    private byte[] _message;
    private int _bodyLength;

    public Http1Connection(ExportTarget target, IExportObserver observer)
    {
        _observer = observer;
        var head = new StringBuilder("POST /v1/traces HTTP/1.1\r\n");
        head.Append(CultureInfo.InvariantCulture,
            $"Host: {target.Authority}\r\nUser-Agent: tempo-load\r\nContent-Type: application/x-protobuf\r\n");
        if (target.IsGzip) head.Append("Content-Encoding: gzip\r\n");
        if (target.Tenant is not null) head.Append(CultureInfo.InvariantCulture, $"X-Scope-OrgID: {target.Tenant}\r\n");
        head.Append("Content-Length: ");
        _head = Encoding.ASCII.GetBytes(head.ToString());
        _bodyStart = _head.Length + MaxContentLengthDigits + 4;
        _message = new byte[_bodyStart + 256 * 1024];
        _socket = target.OpenSocket();
    }

    public bool CanSend => _openSlot < 0 && !IsDraining;

    public bool IsDraining { get; private set; }

    public Span<byte> Body(int byteCount)
    {
        _bodyLength = byteCount;
        if (_message.Length < _bodyStart + byteCount) _message = new byte[_bodyStart + byteCount * 2];
        return _message.AsSpan(_bodyStart, byteCount);
    }

    public void Send(int slot)
    {
        Span<byte> length = stackalloc byte[MaxContentLengthDigits + 4];
        Utf8Formatter.TryFormat(_bodyLength, length, out int digitCount);
        "\r\n\r\n"u8.CopyTo(length[digitCount..]);
        length = length[..(digitCount + 4)];
        length.CopyTo(_message.AsSpan(_bodyStart - length.Length));
        int start = _bodyStart - length.Length - _head.Length;
        _head.CopyTo(_message.AsSpan(start));

        _openSlot = slot;
        ReadOnlySpan<byte> rest = _message.AsSpan(start, _bodyStart + _bodyLength - start);
        while (rest.Length > 0) rest = rest[_socket.Send(rest)..];
    }

    public void Receive(long timeoutMicros)
    {
        if (!SocketWait.ForData(_socket, timeoutMicros)) return;
        int received = ArrivalClock.Receive(_socket, _inbox.AsSpan(_inboxLength), out long arrivedTicks);
        if (received == 0) throw new TransportException("The server closed the connection.");
        _inboxLength += received;
        if (!Http1Response.TryParse(_inbox.AsSpan(0, _inboxLength), out Http1Response response))
        {
            if (_inboxLength == _inbox.Length) throw new TransportException($"The server's answer is longer than {_inbox.Length} bytes.");
            return;
        }
        if (_openSlot < 0) throw new TransportException("The server answered a request that was not made.");
        long rejected = response.IsSuccess ? PartialSuccess.RejectedSpans(response.Body) : 0;
        ExportResponse answer = response.Status switch
        {
            >= 200 and < 300 => new ExportResponse(ExportOutcome.Acknowledged, rejected, null),
            429 or 502 or 503 or 504 =>
                new ExportResponse(ExportOutcome.Refused, 0, Describe(response)) { RetryAfter = response.RetryAfter },
            _ => new ExportResponse(ExportOutcome.Failed, 0, Describe(response)),
        };
        IsDraining = response.Closes;
        _inbox.AsSpan(response.ByteCount, _inboxLength - response.ByteCount).CopyTo(_inbox);
        _inboxLength -= response.ByteCount;
        int slot = _openSlot;
        _openSlot = -1;
        _observer.Completed(slot, answer with { ArrivedTicks = arrivedTicks });
    }

    public void Dispose() => _socket.Dispose();

    private static string Describe(Http1Response response) =>
        $"HTTP status {response.Status}: {Encoding.UTF8.GetString(response.Body[..Math.Min(response.Body.Length, 200)])}";
}
