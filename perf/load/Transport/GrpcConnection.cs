using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Tempo.Perf.Load.Transport.Http2;

namespace Tempo.Perf.Load.Transport;

/// <summary>
/// TraceService/Export over HTTP/2 without TLS (prior knowledge), several streams at once, one request being written at a time.
/// Its own client, because the tool usually shares its cores with the server under test: the less it costs, the less it disturbs.
/// This part sends; <c>GrpcConnection.Receive.cs</c> reads.
/// </summary>
internal sealed partial class GrpcConnection : IExportConnection
{
    private const int GrpcPrefixBytes = 5;
    private const int DefaultWindowBytes = 65_535;
    private const int DefaultFrameBytes = 16_384;
    private const int MaxStreamId = int.MaxValue - 2;

    private readonly Socket _socket;
    private readonly FrameWriter _frames;
    private readonly IExportObserver _observer;
    private readonly Stream[] _streams;
    private readonly byte[] _headerBlock;
    private readonly int _maxFrameBytes;
    private readonly byte _compressedFlag;
    private int _openStreams;
    private int _nextStreamId = 1;

    // The request being written: its bytes, how many are out, its slot (-1 when all are out) and its window.
    private byte[] _message = new byte[256 * 1024];
    private int _messageLength;
    private int _messageSent;
    private int _writingSlot = -1;
    private long _streamWindowBytes;

    // What the peer allows. A change of its initial window also moves the window of the open stream (RFC 9113 §6.9.2).
    private long _connectionWindowBytes = DefaultWindowBytes;
    private int _peerInitialWindowBytes = DefaultWindowBytes;
    private int _peerMaxFrameBytes = DefaultFrameBytes;
    private int _peerMaxStreams = int.MaxValue;

    /// <summary>A slot's open stream; Id 0 means free.</summary>
    private struct Stream
    {
        public int Id;
        public int HttpStatus;
        public int GrpcStatus;
        public string? GrpcMessage;
        public byte[]? Message;
        public TimeSpan RetryAfter;
    }

    public GrpcConnection(ExportTarget target, int inflight, IExportObserver observer)
    {
        _observer = observer;
        _streams = new Stream[inflight];
        _maxFrameBytes = target.MaxFrameBytes;
        _compressedFlag = target.IsGzip ? (byte)1 : (byte)0;
        _headerBlock = HeaderBlockWriter.Encode(RequestHeaders(target));
        _socket = target.OpenSocket();
        _frames = new FrameWriter(_socket);
        _frames.Raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        _frames.Settings((SettingId.HeaderTableSize, 0), (SettingId.EnablePush, 0));
        _frames.Flush();
        AwaitSettings();
    }

    public bool CanSend => _writingSlot < 0 && !IsDraining && _openStreams < Math.Min(_streams.Length, _peerMaxStreams);

    public bool IsDraining { get; private set; }

    public Span<byte> Body(int byteCount)
    {
        _messageLength = GrpcPrefixBytes + byteCount;
        if (_message.Length < _messageLength) _message = new byte[_messageLength * 2];
        return _message.AsSpan(GrpcPrefixBytes, byteCount);
    }

    public void Send(int slot)
    {
        int streamId = _nextStreamId;
        _nextStreamId += 2;
        if (_nextStreamId >= MaxStreamId) IsDraining = true;

        // The prefix of a gRPC message: a byte that says whether it is compressed, and its length.
        _message[0] = _compressedFlag;
        BinaryPrimitives.WriteInt32BigEndian(_message.AsSpan(1), _messageLength - GrpcPrefixBytes);

        _streams[slot] = new Stream { Id = streamId, GrpcStatus = -1 };
        _openStreams++;
        _writingSlot = slot;
        _messageSent = 0;
        _streamWindowBytes = _peerInitialWindowBytes;
        _frames.Frame(FrameType.Headers, FrameFlags.EndHeaders, streamId, _headerBlock);
        WriteData();
        _frames.Flush();
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Frames as much of the open request as both windows allow; the rest waits for a WINDOW_UPDATE.</summary>
    private void WriteData()
    {
        if (_writingSlot < 0) return;
        int streamId = _streams[_writingSlot].Id;
        int frameLimit = Math.Min(_maxFrameBytes, _peerMaxFrameBytes);
        while (true)
        {
            int rest = _messageLength - _messageSent;
            int count = (int)Math.Min(Math.Min(rest, frameLimit), Math.Min(_streamWindowBytes, _connectionWindowBytes));
            if (count <= 0) return;
            bool isLast = count == rest;
            _frames.Frame(FrameType.Data, isLast ? FrameFlags.EndStream : (byte)0, streamId, _message.AsSpan(_messageSent, count));
            _messageSent += count;
            _streamWindowBytes -= count;
            _connectionWindowBytes -= count;
            if (!isLast) continue;
            _writingSlot = -1;
            return;
        }
    }

    private static IEnumerable<(string, string)> RequestHeaders(ExportTarget target)
    {
        yield return (":method", "POST");
        yield return (":scheme", "http");
        yield return (":path", "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
        yield return (":authority", target.Authority);
        yield return ("content-type", "application/grpc");
        yield return ("te", "trailers");
        yield return ("user-agent", "tempo-load");
        if (target.IsGzip) yield return ("grpc-encoding", "gzip");
        if (target.Tenant is not null) yield return ("x-scope-orgid", target.Tenant);
    }
}
