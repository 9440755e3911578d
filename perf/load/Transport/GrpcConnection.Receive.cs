using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Tempo.Perf.Load.Transport.Http2;

namespace Tempo.Perf.Load.Transport;

internal sealed partial class GrpcConnection
{
    private const int MaxHeaderBlockBytes = 64 * 1024;
    private const int MaxKeptMessageBytes = 4096;

    // Half of the default window: the peer never waits for it, and it costs one frame in thousands of answers.
    private const int WindowUpdateBytes = DefaultWindowBytes / 2;

    private static readonly TimeSpan SettingsTimeout = TimeSpan.FromSeconds(10);

    // Holds any frame the peer may send: this client leaves SETTINGS_MAX_FRAME_SIZE at 16,384.
    private readonly byte[] _inbox = new byte[64 * 1024];
    private int _inboxLength;
    private long _arrivedTicks;
    private bool _hasSettings;
    private int _unreportedBytes;

    // A header block that goes on in CONTINUATION frames: what has come of it, and of which stream (0: none is open).
    private byte[] _openBlock = [];
    private int _openBlockStreamId;
    private bool _openBlockEndsStream;

    public void Receive(long timeoutMicros)
    {
        if (!SocketWait.ForData(_socket, timeoutMicros)) return;
        int received = ArrivalClock.Receive(_socket, _inbox.AsSpan(_inboxLength), out _arrivedTicks);
        if (received == 0) throw new TransportException("The server closed the connection.");
        _inboxLength += received;

        int start = 0;
        while (_inboxLength - start >= FrameHeader.Size)
        {
            FrameHeader header = FrameHeader.Read(_inbox.AsSpan(start));
            if (header.Length > DefaultFrameBytes)
                throw new TransportException($"The server sent a frame of {header.Length} bytes; {DefaultFrameBytes} are allowed.");
            if (_inboxLength - start < FrameHeader.Size + header.Length) break;
            Handle(header, _inbox.AsSpan(start + FrameHeader.Size, header.Length));
            start += FrameHeader.Size + header.Length;
        }
        _inbox.AsSpan(start, _inboxLength - start).CopyTo(_inbox);
        _inboxLength -= start;
        WriteData();
        _frames.Flush();
    }

    private void AwaitSettings()
    {
        long start = Stopwatch.GetTimestamp();
        while (!_hasSettings)
        {
            if (Stopwatch.GetElapsedTime(start) > SettingsTimeout)
                throw new TransportException($"The server sent no HTTP/2 SETTINGS within {SettingsTimeout.TotalSeconds} s.");
            Receive(100_000);
        }
    }

    private void Handle(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (_openBlockStreamId != 0 && header.Type != FrameType.Continuation)
            throw new TransportException($"The server sent {header.Type} where CONTINUATION had to follow.");
        switch (header.Type)
        {
            case FrameType.Data: HandleData(header, payload); break;
            case FrameType.Headers: HandleHeaders(header, payload); break;
            case FrameType.Continuation: HandleContinuation(header, payload); break;
            case FrameType.ResetStream: HandleReset(header, ReadNumber(payload)); break;
            case FrameType.Settings: HandleSettings(header, payload); break;
            case FrameType.Ping when (header.Flags & FrameFlags.Ack) == 0: _frames.Frame(FrameType.Ping, FrameFlags.Ack, 0, payload); break;
            case FrameType.GoAway: HandleGoAway((int)(ReadNumber(payload) & 0x7FFF_FFFF)); break;
            case FrameType.WindowUpdate: HandleWindowUpdate(header.StreamId, (int)(ReadNumber(payload) & 0x7FFF_FFFF)); break;
        }
    }

    private void HandleData(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        _unreportedBytes += header.Length;
        if (_unreportedBytes >= WindowUpdateBytes)
        {
            _frames.Number(FrameType.WindowUpdate, 0, (uint)_unreportedBytes);
            _unreportedBytes = 0;
        }
        int slot = SlotOf(header.StreamId);
        if (slot < 0) return;
        payload = WithoutPadding(header, payload);
        ref Stream stream = ref _streams[slot];
        // An empty answer is five zero bytes, and by far the commonest: nothing to keep.
        bool isEmptyMessage = stream.Message is null && payload.SequenceEqual("\0\0\0\0\0"u8);
        if (payload.Length > 0 && !isEmptyMessage && (stream.Message?.Length ?? 0) < MaxKeptMessageBytes)
            stream.Message = [.. stream.Message ?? [], .. payload];
        if ((header.Flags & FrameFlags.EndStream) != 0) Complete(slot);
    }

    private void HandleHeaders(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        payload = WithoutPadding(header, payload);
        if ((header.Flags & FrameFlags.Priority) != 0) payload = payload.Length >= 5 ? payload[5..] : throw TooShort(header.Type);
        bool endsStream = (header.Flags & FrameFlags.EndStream) != 0;
        if ((header.Flags & FrameFlags.EndHeaders) != 0)
        {
            HandleBlock(header.StreamId, payload, endsStream);
            return;
        }
        _openBlockStreamId = header.StreamId;
        _openBlockEndsStream = endsStream;
        _openBlock = payload.ToArray();
    }

    private void HandleContinuation(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (_openBlockStreamId == 0 || header.StreamId != _openBlockStreamId)
            throw new TransportException("The server sent CONTINUATION without HEADERS before it.");
        _openBlock = [.. _openBlock, .. payload];
        if (_openBlock.Length > MaxHeaderBlockBytes)
            throw new TransportException($"The server sent a header block above {MaxHeaderBlockBytes} bytes.");
        if ((header.Flags & FrameFlags.EndHeaders) == 0) return;
        _openBlockStreamId = 0;
        HandleBlock(header.StreamId, _openBlock, _openBlockEndsStream);
    }

    private void HandleBlock(int streamId, ReadOnlySpan<byte> block, bool endsStream)
    {
        int slot = SlotOf(streamId);
        if (slot < 0) return;
        ref Stream stream = ref _streams[slot];
        var reader = new HeaderBlockReader(block);
        reader.ReadStatuses(ref stream.HttpStatus, ref stream.GrpcStatus, ref stream.GrpcMessage);
        if (reader.RetryAfter > TimeSpan.Zero) stream.RetryAfter = reader.RetryAfter;
        if (endsStream) Complete(slot);
    }

    private void HandleReset(FrameHeader header, uint errorCode)
    {
        // A reset with NO_ERROR after the trailers (RFC 9113 §8.1) is of a stream that is closed here already.
        int slot = SlotOf(header.StreamId);
        if (slot < 0) return;
        ExportOutcome outcome = errorCode == ErrorCode.RefusedStream ? ExportOutcome.Refused : ExportOutcome.Failed;
        Close(slot, new ExportResponse(outcome, 0, $"stream reset, HTTP/2 error {errorCode}"));
    }

    private void HandleSettings(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if ((header.Flags & FrameFlags.Ack) != 0) return;
        for (; payload.Length >= 6; payload = payload[6..])
        {
            int value = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(payload[2..]), int.MaxValue);
            switch (BinaryPrimitives.ReadUInt16BigEndian(payload))
            {
                case SettingId.MaxConcurrentStreams: _peerMaxStreams = value; break;
                case SettingId.MaxFrameSize: _peerMaxFrameBytes = value; break;
                case SettingId.InitialWindowSize:
                    _streamWindowBytes += value - _peerInitialWindowBytes;
                    _peerInitialWindowBytes = value;
                    break;
            }
        }
        _hasSettings = true;
        _frames.Frame(FrameType.Settings, FrameFlags.Ack, 0, []);
    }

    private void HandleGoAway(int lastStreamId)
    {
        IsDraining = true;
        for (int slot = 0; slot < _streams.Length; slot++)
            if (_streams[slot].Id > lastStreamId)
                Close(slot, new ExportResponse(ExportOutcome.Refused, 0, "connection going away"));
    }

    private void HandleWindowUpdate(int streamId, int byteCount)
    {
        if (streamId == 0) _connectionWindowBytes += byteCount;
        else if (_writingSlot >= 0 && _streams[_writingSlot].Id == streamId) _streamWindowBytes += byteCount;
    }

    private void Complete(int slot)
    {
        ref readonly Stream stream = ref _streams[slot];
        if (stream.GrpcStatus == 0)
        {
            ReadOnlySpan<byte> message = stream.Message;
            long rejected = message.Length > GrpcPrefixBytes ? PartialSuccess.RejectedSpans(message[GrpcPrefixBytes..]) : 0;
            Close(slot, new ExportResponse(ExportOutcome.Acknowledged, rejected, null));
            return;
        }
        ExportOutcome outcome = stream.GrpcStatus is 8 or 14 ? ExportOutcome.Refused : ExportOutcome.Failed;
        string detail = stream.GrpcStatus >= 0
            ? $"gRPC status {stream.GrpcStatus}: {stream.GrpcMessage}"
            : $"HTTP status {stream.HttpStatus} without grpc-status";
        Close(slot, new ExportResponse(outcome, 0, detail) { RetryAfter = stream.RetryAfter });
    }

    private void Close(int slot, ExportResponse response)
    {
        if (slot == _writingSlot)
        {
            // Answered before all was sent: give the rest up, or the peer would wait for it.
            _frames.Number(FrameType.ResetStream, _streams[slot].Id, ErrorCode.Cancel);
            _writingSlot = -1;
        }
        _streams[slot] = default;
        _openStreams--;
        _observer.Completed(slot, response with { ArrivedTicks = _arrivedTicks });
    }

    private int SlotOf(int streamId)
    {
        for (int slot = 0; slot < _streams.Length; slot++)
            if (_streams[slot].Id == streamId)
                return streamId == 0 ? -1 : slot;
        return -1;
    }

    private static ReadOnlySpan<byte> WithoutPadding(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if ((header.Flags & FrameFlags.Padded) == 0) return payload;
        if (payload.Length == 0 || payload[0] >= payload.Length) throw TooShort(header.Type);
        return payload[1..^payload[0]];
    }

    private static uint ReadNumber(ReadOnlySpan<byte> payload) =>
        payload.Length >= 4
            ? BinaryPrimitives.ReadUInt32BigEndian(payload)
            : throw new TransportException("The server sent a frame shorter than its number.");

    private static TransportException TooShort(FrameType type) =>
        new($"The server sent a {type} frame that is shorter than its own fields say.");
}
