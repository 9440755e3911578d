using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Live;

/// <summary>
/// A batch of recent spans of one tenant: columns that are filled as requests come in and can be read at the same time.
/// One string table serves all columns; it is small enough to stay in the core's cache (see
/// <see cref="TargetSpanCount"/>), which is what makes interning cheap.
/// <para>
/// One writer at a time (the shard's lock). Readers take <see cref="SpanBatch.Snapshot"/> and see whole requests only.
/// </para>
/// </summary>
public sealed class LiveBatch
{
    /// <summary>
    /// Spans after which a batch is closed: with 16 Ki spans of the load tool's traffic the table and its slots take 0.7 MiB,
    /// which a core's L2 cache holds. 1,024 fewer, so that the last request still fits into columns of 16 Ki.
    /// </summary>
    public const int TargetSpanCount = 15 * 1024;

    /// <summary>Spans of the columns of a full batch.</summary>
    internal const int ColumnLength = TargetSpanCount + 1024;

    /// <summary>Request bytes after which a batch is closed even with fewer spans: its offsets have 32 bits.</summary>
    public const int TargetBytes = 64 << 20;

    private static long _lastSerial;
    private long _byteCount;
    private bool _isAppending;

    // Small at first, so that thousands of tenants with a span each cost kilobytes each; a busy tenant's grow within a few
    // requests and are used again (LiveBatchPool).
    internal readonly InternTable Strings = new(expectedCount: 32, expectedBytes: 512);
    internal readonly InternTable ResourceMessages = new(expectedCount: 4, expectedBytes: 256);
    internal readonly InternTable ScopeMessages = new(expectedCount: 4, expectedBytes: 64);
    internal readonly TraceTable Traces;

    internal const int NextKeyMask = 255;

    /// <summary>
    /// The code of the key that last followed each key, by the lowest bits of its code: keys come early and have low codes. A
    /// guess, checked whenever it is used.
    /// </summary>
    internal readonly int[] NextKey = new int[NextKeyMask + 1];

    /// <summary>Last span of each trace, and for each span the one before it in its trace (-1: none).</summary>
    internal int[] LastSpanOfTrace = [];
    internal int[] PreviousSpan = [];

    // What most senders never write anything but 0 in: all batches share zeros, which nobody writes to, until one needs its own.
    private static readonly int[] s_zeroCodes = new int[ColumnLength];
    private static readonly uint[] s_zeroCounts = new uint[ColumnLength];

    /// <summary>Trace state and dropped counts are the batch's own, not the zeros of all.</summary>
    internal bool HasRareColumns { get; private set; }

    public LiveBatch()
    {
        Traces = new TraceTable(Columns);
        var b = Columns;
        b.Name.Table = b.StatusMessage.Table = b.TraceState.Table = Strings;
        b.SpanAttributes.KeyTable = b.SpanAttributes.Values = Strings;
        b.Resources.ServiceName.Table = b.Resources.Attributes.KeyTable = b.Resources.Attributes.Values = Strings;
        b.Scopes.Name.Table = b.Scopes.Version.Table = b.Scopes.Attributes.KeyTable = b.Scopes.Attributes.Values = Strings;
        b.Events.Name.Table = b.Events.Attributes.KeyTable = b.Events.Attributes.Values = Strings;
        b.Links.TraceState.Table = b.Links.Attributes.KeyTable = b.Links.Attributes.Values = Strings;
        b.AttributeStart = [0];
        b.EventStart = [0];
        b.LinkStart = [0];
        b.Resources.AttributeStart = [0];
        b.Scopes.AttributeStart = [0];
        b.Events.AttributeStart = [0];
        b.Links.AttributeStart = [0];
    }

    public SpanBatch Columns { get; } = new();

    /// <summary>Names the batch in this process while it holds its spans; one that is used again gets another.</summary>
    public long Serial { get; private set; } = Interlocked.Increment(ref _lastSerial);

    /// <summary>Request bytes of its spans.</summary>
    public long ByteCount => Interlocked.Read(ref _byteCount);

    /// <summary>
    /// Takes no further request: large enough, or an append ended in an exception, which leaves rows behind that are never shown.
    /// </summary>
    public bool IsClosed => Columns.SpanCount >= TargetSpanCount || _byteCount >= TargetBytes || _isAppending;

    /// <summary>
    /// Adds the spans of a request that a validating pass has accepted. Spans with invalid ids are left out.
    /// </summary>
    public LiveAppendResult Append(ReadOnlySpan<byte> request, int maxAttributeBytes)
    {
        _isAppending = true;
        _byteCount += request.Length;
        var (before, replaced, memoryBytes) = (Columns.SpanCount, Strings.ReplacedCount, MemoryBytes);
        var appender = new LiveAppender(this, maxAttributeBytes);
        if (!OtlpTraceReader.TryRead(request, ref appender, out var error))
            throw new InvalidOperationException($"a request that was validated cannot be read: {error.Message}");
        Columns.Publish();
        _isAppending = false;
        MemoryBytes = LiveMemory.BytesOf(this);
        return new LiveAppendResult(
            Columns.SpanCount - before, appender.Truncated, Strings.ReplacedCount - replaced, MemoryBytes - memoryBytes);
    }

    /// <summary>What its spans take in memory, by <see cref="LiveMemory"/>. For who appends.</summary>
    internal long MemoryBytes { get; private set; }

    /// <summary>The most that its spans have taken, in all its lives: so much it has grown to.</summary>
    internal long GrownBytes { get; private set; }

    /// <summary>Forgets everything but the memory. Nobody may be reading.</summary>
    internal void Clear()
    {
        Strings.Clear();
        ResourceMessages.Clear();
        ScopeMessages.Clear();
        Traces.Clear();
        Columns.Clear();
        LastSpanOfTrace.AsSpan().Fill(-1);
        Array.Clear(NextKey); // codes beyond the table's end would be read otherwise
        Serial = Interlocked.Increment(ref _lastSerial);
        GrownBytes = Math.Max(GrownBytes, MemoryBytes);
        _byteCount = MemoryBytes = 0;
        _isAppending = false;
    }

    /// <summary>Worth keeping for reuse: of ordinary size, and not broken off in the middle of a request.</summary>
    internal bool IsReusable => _byteCount <= TargetBytes && !_isAppending;

    /// <summary>What may be read now, and stays so.</summary>
    public LiveBatchView View() => new(this, Columns.Snapshot());

    /// <summary>
    /// The spans of a trace among the first <paramref name="snapshot"/>, newest arrival first, added to <paramref name="spans"/>.
    /// </summary>
    public void CollectTrace(TraceId id, int snapshot, List<int> spans)
    {
        if (snapshot == 0) return;
        var trace = Traces.Find(id);
        var lastSpans = LastSpanOfTrace;
        if (trace < 0 || trace >= lastSpans.Length) return; // not there, or just being added
        for (var span = Volatile.Read(ref lastSpans[trace]); span >= 0; span = PreviousSpan[span])
            if (span < snapshot)
                spans.Add(span);
    }

    /// <summary>Room for trace state and dropped counts of so many spans: the zeros of all, as long as they are enough.</summary>
    internal void ReserveRareColumns(int count)
    {
        var b = Columns;
        if (HasRareColumns || count > ColumnLength) OwnRareColumns(count);
        else (b.TraceState.Codes, b.DroppedAttributes, b.DroppedEvents, b.DroppedLinks) =
            (s_zeroCodes, s_zeroCounts, s_zeroCounts, s_zeroCounts);
    }

    /// <summary>The same, to be written to. What they were goes on being readable.</summary>
    internal void OwnRareColumns(int count)
    {
        var b = Columns;
        if (HasRareColumns)
        {
            GrowableArray.Reserve(ref b.TraceState.Codes, count);
            GrowableArray.Reserve(ref b.DroppedAttributes, count);
            GrowableArray.Reserve(ref b.DroppedEvents, count);
            GrowableArray.Reserve(ref b.DroppedLinks, count);
            return;
        }

        Volatile.Write(ref b.TraceState.Codes, new int[count]);
        Volatile.Write(ref b.DroppedAttributes, new uint[count]);
        Volatile.Write(ref b.DroppedEvents, new uint[count]);
        Volatile.Write(ref b.DroppedLinks, new uint[count]);
        HasRareColumns = true;
    }

    /// <summary>Makes room; the new array is complete before a reader can see it.</summary>
    internal void GrowLastSpanOfTrace(int count)
    {
        var grown = new int[Math.Max(64, count * 2)];
        LastSpanOfTrace.CopyTo(grown, 0);
        grown.AsSpan(LastSpanOfTrace.Length).Fill(-1);
        Volatile.Write(ref LastSpanOfTrace, grown);
    }
}

/// <summary>What became of a request's spans.</summary>
/// <param name="SpanCount">Spans added.</param>
/// <param name="Truncated">Keys and string values that were cut to the limit.</param>
/// <param name="ReplacedTexts">Texts that were not UTF-8, of which what is not has become U+FFFD.</param>
/// <param name="MemoryBytes">What they take (<see cref="LiveMemory"/>).</param>
public readonly record struct LiveAppendResult(int SpanCount, TruncatedAttributes Truncated, long ReplacedTexts, long MemoryBytes);

/// <summary>Counts of keys and string values that were cut, by what they belong to.</summary>
public record struct TruncatedAttributes(int Resource, int Scope, int Span, int Event, int Link)
{
    public readonly int Total => Resource + Scope + Span + Event + Link;
}
