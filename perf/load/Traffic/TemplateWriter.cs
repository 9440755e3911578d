using System.Buffers.Binary;
using System.Text;

namespace Tempo.Perf.Load.Traffic;

/// <summary>
/// Writes protobuf and notes on the way where a send must put fresh values. A message's length is only known at its end, so
/// <see cref="End"/> moves the body up by the width of the length prefix and moves the notes with it. That is quadratic in depth,
/// which is four, and happens before the clock starts.
/// </summary>
internal sealed class TemplateWriter
{
    private enum PatchKind { TraceId, SpanId, Time, HexText, Varint }

    private record struct Note(PatchKind Kind, int Position, int Argument, long Detail);

    private readonly List<Note> _notes = [];
    private byte[] _buffer = new byte[64 * 1024];
    private int _length;

    /// <summary>Opens a nested message; pass the result to <see cref="End"/>.</summary>
    public int Begin(int field)
    {
        WriteTag(field, 2);
        return _length;
    }

    public void End(int start)
    {
        int bodyLength = _length - start;
        int prefix = VarintLength((ulong)bodyLength);
        Reserve(prefix);
        _buffer.AsSpan(start, bodyLength).CopyTo(_buffer.AsSpan(start + prefix));
        _length = start;
        WriteVarint((ulong)bodyLength);
        _length += bodyLength;
        for (int i = _notes.Count - 1; i >= 0 && _notes[i].Position >= start; i--)
            _notes[i] = _notes[i] with { Position = _notes[i].Position + prefix };
    }

    public void Text(int field, string value)
    {
        WriteTag(field, 2);
        int byteCount = Encoding.UTF8.GetByteCount(value);
        WriteVarint((ulong)byteCount);
        Reserve(byteCount);
        _length += Encoding.UTF8.GetBytes(value, _buffer.AsSpan(_length));
    }

    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        WriteTag(field, 2);
        WriteVarint((ulong)value.Length);
        Reserve(value.Length);
        value.CopyTo(_buffer.AsSpan(_length));
        _length += value.Length;
    }

    public void Varint(int field, long value)
    {
        WriteTag(field, 0);
        WriteVarint((ulong)value);
    }

    public void Fixed32(int field, uint value)
    {
        WriteTag(field, 5);
        Reserve(4);
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(_length), value);
        _length += 4;
    }

    public void Fixed64(int field, ulong value)
    {
        WriteTag(field, 1);
        Reserve(8);
        BinaryPrimitives.WriteUInt64LittleEndian(_buffer.AsSpan(_length), value);
        _length += 8;
    }

    public void Double(int field, double value)
    {
        WriteTag(field, 1);
        Reserve(8);
        BinaryPrimitives.WriteDoubleLittleEndian(_buffer.AsSpan(_length), value);
        _length += 8;
    }

    /// <summary>A trace id of 16 bytes, filled at each send from trace <paramref name="trace"/>.</summary>
    public void TraceId(int field, int trace) => Id(field, PatchKind.TraceId, 16, trace);

    /// <summary>A span id of 8 bytes, filled at each send from span <paramref name="span"/>.</summary>
    public void SpanId(int field, int span) => Id(field, PatchKind.SpanId, 8, span);

    public void Time(int field, int trace, long offsetNanos)
    {
        WriteTag(field, 1);
        _notes.Add(new Note(PatchKind.Time, _length, trace, offsetNanos));
        Skip(8);
    }

    /// <summary>Text in which every <c>#</c> is a hex digit drawn anew at each send.</summary>
    public void FreshText(int field, string pattern)
    {
        WriteTag(field, 2);
        WriteVarint((ulong)pattern.Length);
        int start = _length;
        Reserve(pattern.Length);
        _length += Encoding.ASCII.GetBytes(pattern, _buffer.AsSpan(_length));
        for (int i = 0; i < pattern.Length; i++)
        {
            int end = i;
            while (end < pattern.Length && pattern[end] == '#') end++;
            if (end == i) continue;
            _notes.Add(new Note(PatchKind.HexText, start + i, end - i, 0));
            i = end;
        }
    }

    /// <summary>An integer drawn anew at each send from 128 to 16383, whose varint has 2 bytes: the size of a body.</summary>
    public void FreshSize(int field) => FreshVarint(field, 2, 127);

    /// <summary>An integer drawn anew at each send from 16384 to 65535, whose varint has 3 bytes: the port of a client.</summary>
    public void FreshPort(int field) => FreshVarint(field, 3, 3);

    /// <summary>An integer drawn anew at each send from 2 M to 268 M, whose varint has 4 bytes: an offset in a log.</summary>
    public void FreshOffset(int field) => FreshVarint(field, 4, 127);

    /// <summary>What was written, where nothing of it is to be fresh at each send.</summary>
    public byte[] ToArray() => _buffer.AsSpan(0, _length).ToArray();

    /// <summary>The finished template. The writer is empty afterwards and can be used again.</summary>
    public RequestTemplate Seal(int[] spansPerTrace, long[] traceNanos)
    {
        var template = new RequestTemplate
        {
            Bytes = _buffer.AsSpan(0, _length).ToArray(),
            SpanCount = spansPerTrace.Sum(),
            TraceCount = spansPerTrace.Length,
            SpansPerTrace = spansPerTrace,
            TraceNanos = traceNanos,
            TraceIds = [.. Notes(PatchKind.TraceId).Select(static n => new IdPatch(n.Position, n.Argument))],
            SpanIds = [.. Notes(PatchKind.SpanId).Select(static n => new IdPatch(n.Position, n.Argument))],
            Times = [.. Notes(PatchKind.Time).Select(static n => new TimePatch(n.Position, n.Argument, n.Detail))],
            HexTexts = [.. Notes(PatchKind.HexText).Select(static n => new HexPatch(n.Position, n.Argument))],
            Varints = [.. Notes(PatchKind.Varint).Select(static n => new VarintPatch(n.Position, n.Argument, (int)n.Detail))],
        };
        _length = 0;
        _notes.Clear();
        return template;
    }

    private void FreshVarint(int field, int byteCount, int maxLastByte)
    {
        WriteTag(field, 0);
        _notes.Add(new Note(PatchKind.Varint, _length, byteCount, maxLastByte));
        Skip(byteCount);
    }

    private IEnumerable<Note> Notes(PatchKind kind) => _notes.Where(n => n.Kind == kind);

    private void Id(int field, PatchKind kind, int byteCount, int index)
    {
        WriteTag(field, 2);
        WriteVarint((ulong)byteCount);
        _notes.Add(new Note(kind, _length, index, 0));
        Skip(byteCount);
    }

    private void Skip(int byteCount)
    {
        Reserve(byteCount);
        _buffer.AsSpan(_length, byteCount).Clear();
        _length += byteCount;
    }

    private void WriteTag(int field, int wireType) => WriteVarint(((ulong)field << 3) | (uint)wireType);

    private void WriteVarint(ulong value)
    {
        Reserve(10);
        while (value >= 0x80)
        {
            _buffer[_length++] = (byte)(value | 0x80);
            value >>= 7;
        }
        _buffer[_length++] = (byte)value;
    }

    private static int VarintLength(ulong value)
    {
        int length = 1;
        while ((value >>= 7) != 0) length++;
        return length;
    }

    private void Reserve(int byteCount)
    {
        if (_buffer.Length - _length < byteCount)
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + byteCount));
    }
}
