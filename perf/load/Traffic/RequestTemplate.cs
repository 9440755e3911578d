namespace Tempo.Perf.Load.Traffic;

/// <summary>
/// One encoded ExportTraceServiceRequest and the positions of everything that must differ from send to send.
/// All patches keep the length of what they replace, so no length prefix ever changes. Immutable, shared by all connections.
/// </summary>
internal sealed class RequestTemplate
{
    public required byte[] Bytes { get; init; }
    public required int SpanCount { get; init; }
    public required int TraceCount { get; init; }

    /// <summary>Number of spans of each trace, by trace index.</summary>
    public required int[] SpansPerTrace { get; init; }

    /// <summary>Unscaled length of each trace in nanoseconds, by trace index.</summary>
    public required long[] TraceNanos { get; init; }

    public required IdPatch[] TraceIds { get; init; }

    /// <summary>Own, parent and linked span ids alike: the same index gets the same id.</summary>
    public required IdPatch[] SpanIds { get; init; }

    public required TimePatch[] Times { get; init; }
    public required HexPatch[] HexTexts { get; init; }
    public required VarintPatch[] Varints { get; init; }
}

/// <summary>An id at byte <paramref name="Position"/>, taken from entry <paramref name="Index"/> of the send's fresh ids.</summary>
internal readonly record struct IdPatch(int Position, int Index);

/// <summary>
/// A fixed64 of Unix nanoseconds: <paramref name="OffsetNanos"/> after the start of trace <paramref name="Trace"/>, before scaling.
/// </summary>
internal readonly record struct TimePatch(int Position, int Trace, long OffsetNanos);

/// <summary><paramref name="Length"/> lower-case hex digits to draw anew.</summary>
internal readonly record struct HexPatch(int Position, int Length);

/// <summary>
/// A varint of exactly <paramref name="Length"/> bytes to draw anew, whose last byte is 1 to <paramref name="MaxLastByte"/>.
/// </summary>
internal readonly record struct VarintPatch(int Position, int Length, int MaxLastByte);
