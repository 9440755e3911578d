using System.Buffers.Binary;
using System.Net.Sockets;

namespace Tempo.Perf.Load.Transport.Http2;

/// <summary>Collects frames and sends them in one system call.</summary>
internal sealed class FrameWriter(Socket socket)
{
    private byte[] _buffer = new byte[128 * 1024];
    private int _length;

    public void Raw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
    }

    public void Frame(FrameType type, byte flags, int streamId, ReadOnlySpan<byte> payload)
    {
        Span<byte> frame = Reserve(FrameHeader.Size + payload.Length);
        new FrameHeader(payload.Length, type, flags, streamId).Write(frame);
        payload.CopyTo(frame[FrameHeader.Size..]);
    }

    public void Settings(params ReadOnlySpan<(int Id, int Value)> settings)
    {
        Span<byte> payload = stackalloc byte[6 * settings.Length];
        for (int i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload[(6 * i)..], (ushort)settings[i].Id);
            BinaryPrimitives.WriteInt32BigEndian(payload[(6 * i + 2)..], settings[i].Value);
        }
        Frame(FrameType.Settings, 0, 0, payload);
    }

    /// <summary>A frame whose payload is one 32-bit number: RST_STREAM or WINDOW_UPDATE.</summary>
    public void Number(FrameType type, int streamId, uint value)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(payload, value);
        Frame(type, 0, streamId, payload);
    }

    public void Flush()
    {
        ReadOnlySpan<byte> rest = _buffer.AsSpan(0, _length);
        while (rest.Length > 0) rest = rest[socket.Send(rest)..];
        _length = 0;
    }

    private Span<byte> Reserve(int byteCount)
    {
        if (_buffer.Length - _length < byteCount)
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + byteCount));
        _length += byteCount;
        return _buffer.AsSpan(_length - byteCount, byteCount);
    }
}
