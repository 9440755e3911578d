using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Tempo.Perf.Load.Traffic;

/// <summary>
/// Copies a template and puts fresh ids, times and unique values into the copy. One per connection; nothing is allocated per send.
/// Each trace is stretched by its own factor between one half and two, so that durations do not repeat with the templates,
/// and ends up to a second before the time given, so that all of a request's spans lie in the past.
/// </summary>
internal sealed class RequestStamper(ulong idSeed)
{
    private const int ScaleOne = 1 << 16;
    private const long MaxTraceAgeNanos = 1_000_000_000;

    private static readonly ushort[] HexPairs = BuildHexPairs();

    private readonly Xoshiro256 _random = new(idSeed);
    private ulong[] _traceIds = [];
    private ulong[] _spanIds = [];
    private long[] _traceStarts = [];
    private int[] _traceScales = [];

    /// <summary>What trace ids begin with; null: they are random altogether.</summary>
    public ushort? FirstTraceIdBytes { get; set; }

    /// <summary>The trace id, as two words in memory order, that all spans get; null: each trace has its own.</summary>
    public (ulong First, ulong Second)? OnlyTrace { get; set; }

    /// <summary>The trace ids of the last stamp, which was of <paramref name="template"/>: 16 bytes each, by trace index.</summary>
    public ReadOnlySpan<byte> LastTraceIds(RequestTemplate template) =>
        MemoryMarshal.AsBytes(_traceIds.AsSpan(0, template.TraceCount * 2));

    /// <summary>
    /// Fills <paramref name="destination"/>, exactly as long as the template, with a fresh request that ends before
    /// <paramref name="nowUnixNanos"/>.
    /// </summary>
    public void Stamp(RequestTemplate template, long nowUnixNanos, Span<byte> destination)
    {
        template.Bytes.CopyTo(destination);
        DrawTraces(template, nowUnixNanos);
        StampIds(template, destination);
        StampTimes(template, destination);
        foreach (HexPatch patch in template.HexTexts)
            WriteHex(destination.Slice(patch.Position, patch.Length));
        foreach (VarintPatch patch in template.Varints)
            WriteVarint(destination.Slice(patch.Position, patch.Length), patch.MaxLastByte);
    }

    private void DrawTraces(RequestTemplate template, long nowUnixNanos)
    {
        if (_traceStarts.Length < template.TraceCount)
        {
            _traceIds = new ulong[template.TraceCount * 2];
            _traceStarts = new long[template.TraceCount];
            _traceScales = new int[template.TraceCount];
        }
        for (int trace = 0; trace < template.TraceCount; trace++)
        {
            _traceIds[2 * trace] =
                FirstTraceIdBytes is { } first ? (_random.Next() & ~0xFFFFUL) | BinaryPrimitives.ReverseEndianness(first) : _random.Next();
            _traceIds[2 * trace + 1] = _random.Next();
            if (OnlyTrace is { } only) (_traceIds[2 * trace], _traceIds[2 * trace + 1]) = only;
            _traceScales[trace] = _random.Between(ScaleOne / 2, ScaleOne * 2);
            _traceStarts[trace] = nowUnixNanos - Scale(template.TraceNanos[trace], _traceScales[trace])
                - (long)(_random.Next() % (ulong)MaxTraceAgeNanos);
        }
    }

    private void StampIds(RequestTemplate template, Span<byte> destination)
    {
        foreach (IdPatch patch in template.TraceIds)
        {
            Span<byte> id = destination.Slice(patch.Position, 16);
            MemoryMarshal.Write(id, _traceIds[2 * patch.Index]);
            MemoryMarshal.Write(id[8..], _traceIds[2 * patch.Index + 1]);
        }
        if (_spanIds.Length < template.SpanCount) _spanIds = new ulong[template.SpanCount];
        for (int span = 0; span < template.SpanCount; span++)
            _spanIds[span] = _random.Next();
        foreach (IdPatch patch in template.SpanIds)
            MemoryMarshal.Write(destination.Slice(patch.Position, 8), _spanIds[patch.Index]);
    }

    private void StampTimes(RequestTemplate template, Span<byte> destination)
    {
        foreach (TimePatch patch in template.Times)
        {
            long unixNanos = _traceStarts[patch.Trace] + Scale(patch.OffsetNanos, _traceScales[patch.Trace]);
            BinaryPrimitives.WriteInt64LittleEndian(destination.Slice(patch.Position, 8), unixNanos);
        }
    }

    // Traces last seconds (2^33 ns) and the factor has 17 bits: the product stays far below 2^63.
    private static long Scale(long nanos, int scale) => nanos * scale >> 16;

    private void WriteHex(Span<byte> digits)
    {
        ulong bits = 0;
        for (int i = 0; i < digits.Length; i += 2)
        {
            if (i % 16 == 0) bits = _random.Next();
            ushort pair = HexPairs[(byte)bits];
            bits >>= 8;
            digits[i] = (byte)pair;
            if (i + 1 < digits.Length) digits[i + 1] = (byte)(pair >> 8);
        }
    }

    // The last byte is never 0: such a value would need fewer bytes and would not be what an encoder writes.
    private void WriteVarint(Span<byte> slot, int maxLastByte)
    {
        ulong bits = _random.Next();
        for (int i = 0; i < slot.Length - 1; i++, bits >>= 8)
            slot[i] = (byte)(bits | 0x80);
        slot[^1] = (byte)(1 + (int)(bits & 0xFFFF) % maxLastByte);
    }

    private static ushort[] BuildHexPairs()
    {
        const string digits = "0123456789abcdef";
        var pairs = new ushort[256];
        for (int value = 0; value < pairs.Length; value++)
            pairs[value] = (ushort)(digits[value >> 4] | digits[value & 15] << 8);
        return pairs;
    }
}
