using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// Writes the data.parquet of a block from whole traces in ascending order of their ids. Memory: one page's rows and the
/// compressed pages of one row group, whatever the size of the block; all of it serves the next block, too. What grows with the
/// block (ids, the sidecar's sections, what the footer says) goes to files beside it.
/// <code>
/// Add    trace → page stage                       until the page has enough spans
///        page stage → one page in every column    until the row group has enough spans
///        row group → file
/// Finish the rest, then page indexes and footer
/// </code>
/// </summary>
public sealed partial class BlockWriter : IDisposable
{
    private readonly BlockWriterOptions _options;
    private readonly ParquetSchema _schema;
    private readonly RowGroupMemoryPool? _lender;

    // Null between row groups while somebody else has it.
    private RowGroupMemory? _memory;
    private ParquetFileWriter _file;
    private TraceIdLog _ids;
    private List<TraceId> _lastIds = [];
    private SidecarBuilder _sidecar;
    private SpanContext? _context;
    private long _rowsInGroup;
    private long _spansInGroup;
    private readonly BlockTimes _times = new();

    /// <summary>A writer with memory of its own, for one block after the other (<see cref="Restart"/>).</summary>
    /// <param name="output">Gets the data; it stays the caller's.</param>
    /// <param name="options">The layout.</param>
    /// <param name="spillPath">Begin of the paths of files for what grows with the block; null: that stays in memory.</param>
    public BlockWriter(Stream output, BlockWriterOptions options, string? spillPath = null)
        : this(output, options, spillPath, new RowGroupMemory(options, RowGroupMemory.SchemaOf(options)), lender: null)
    {
    }

    /// <summary>A writer of one block in memory that is lent, and given back by <see cref="TakeMemory"/>.</summary>
    /// <param name="output">Gets the data.</param>
    /// <param name="options">The layout.</param>
    /// <param name="spillPath">As above.</param>
    /// <param name="memory">Of these columns, and empty.</param>
    /// <param name="lender">Where the writer gets memory again that it has given up between two row groups for others; null: it keeps
    /// it.</param>
    internal BlockWriter(Stream output, BlockWriterOptions options, string? spillPath, RowGroupMemory memory, RowGroupMemoryPool? lender)
    {
        (_options, _memory, _lender) = (options, memory, lender);
        _schema = memory.Schema;
        memory.Columns.CompressAt(options.ZstdLevel);
        _file = new ParquetFileWriter(output, _schema, FileOptions, spillPath);
        (_ids, _sidecar) = (new TraceIdLog(PathOf(spillPath, "ids")), new SidecarBuilder(PathOf(spillPath, "sidecar")));
    }

    private ParquetWriterOptions FileOptions => new() { KeyValueMetadata = [new(LayoutKey, LayoutOf(_options))] };

    public BlockWriterOptions Options => _options;

    private BlockColumns Columns => Memory.Columns;

    private TraceStage Stage => Memory.Stage;

    private RowGroupMemory Memory => _memory ?? Resume();

    /// <summary>What it has of lent memory, if it has any at the moment; it writes no more.</summary>
    internal RowGroupMemory? TakeMemory()
    {
        var memory = _memory;
        _memory = null;
        return memory;
    }

    /// <summary>Begins another block of the same layout. The one before may be finished or not; its content is not touched.</summary>
    public void Restart(Stream output, string? spillPath = null)
    {
        Dispose();
        Memory.Clear();
        _file = new ParquetFileWriter(output, _schema, FileOptions, spillPath);
        (_ids, _sidecar) = (new TraceIdLog(PathOf(spillPath, "ids")), new SidecarBuilder(PathOf(spillPath, "sidecar")));
        _lastIds = [];
        _context = null;
        (SpanCount, _rowsInGroup, _spansInGroup) = (0, 0, 0);
        _times.Begin(TimeWindow.Any);
    }

    /// <summary>Before anything is added: the times that the block's meta counts with, all by default.</summary>
    public void CountTimesIn(TimeWindow window) => _times.Begin(window);

    /// <summary>Traces that reach out of the window, so far.</summary>
    public int StrayTraceCount => _times.StrayTraceCount;

    /// <summary>Spans written so far.</summary>
    public long SpanCount { get; private set; }

    /// <summary>Everything that was added is in a finished row group: the next trace may come from another context.</summary>
    public bool IsBetweenRowGroups => _rowsInGroup == 0 && _memory is not { Stage.TraceCount: > 0 };

    /// <summary>
    /// Adds a trace; its id must be greater than the one before, and its context the same, unless
    /// <see cref="IsBetweenRowGroups"/>. Nothing of the trace or of its batches is needed afterwards.
    /// </summary>
    public void Add(OrderedTrace trace)
    {
        AddToStage(trace);
        if (!IsPageFull) return;
        WritePage(isCopied: false);
        if (IsRowGroupFull) WriteRowGroup();
    }

    private void AddToStage(OrderedTrace trace)
    {
        if (IsBetweenRowGroups) _context = trace.Context;
        if (trace.Context != _context)
            throw new ArgumentException(
                "the traces of a row group come from one context: codes are remembered by its batch numbers", nameof(trace));
        if (_ids.Count > 0 && trace.Id.CompareTo(_ids.Last) <= 0)
            throw new ArgumentException($"trace {trace.Id} after {_ids.Last}: rows of a block ascend", nameof(trace));
        _ids.Add(trace.Id);
        _times.Add(trace);
        Stage.Add(trace);
        SpanCount += trace.SpanCount;
    }

    private bool IsPageFull =>
        Stage.Spans.Count >= _options.PageSpans || Stage.Load.TextBytes >= _options.PageTextBytes
            || Stage.Load.EntryCount >= _options.PageEntries;

    private bool IsRowGroupFull =>
        _spansInGroup >= _options.RowGroupSpans || Columns.SizeBytes >= _options.RowGroupBytes
            || Columns.DictionaryBytes >= _options.RowGroupDictionaryBytes;

    /// <summary>Writes what is left and the footer. The result is the caller's to dispose.</summary>
    public BlockContent Finish()
    {
        if (_ids.Count == 0) throw new InvalidOperationException("a block without traces is not written");
        EndRowGroup();
        var (size, footerSize) = _file.Finish();
        var content = new BlockContent(size, footerSize, _ids, _lastIds, SpanCount, _times.StartUnixNano,
            _times.EndUnixNano)
        { Sidecar = _sidecar, Stray = _times.Stray };
        // They are the content's from here on.
        (_ids, _sidecar) = (new TraceIdLog(), new SidecarBuilder());
        return content;
    }

    /// <summary>Lets go of the files beside the block that is being written.</summary>
    public void Dispose()
    {
        _file.Dispose();
        _ids.Dispose();
        _sidecar.Dispose();
    }

    private static string? PathOf(string? spillPath, string what) => spillPath is null ? null : $"{spillPath}.{what}.spill";

    private void EndRowGroup()
    {
        if (IsBetweenRowGroups) return;
        if (Stage.TraceCount > 0) WritePage(isCopied: false);
        if (_rowsInGroup > 0) WriteRowGroup();
    }

    private void WritePage(bool isCopied)
    {
        Stage.Complete();
        if (!isCopied) Columns.WritePage(Stage);
        _sidecar.AddPage(Memory);
        Failpoints.Hit(Failpoint.BlockPageWritten);
        Memory.NoteSize();
        _rowsInGroup += Stage.TraceCount;
        _spansInGroup += Stage.Spans.Count;
        Stage.Clear();
        GarbageBudget.Check();
    }

    // Waits in line.
    private RowGroupMemory Resume()
    {
        _memory = (_lender ?? throw new InvalidOperationException("the writer's memory was taken")).Rent(_options);
        _memory.Columns.CompressAt(_options.ZstdLevel);
        return _memory;
    }

    private void WriteRowGroup()
    {
        Columns.WriteRowGroup(_file, _rowsInGroup);
        Failpoints.Hit(Failpoint.BlockRowGroupWritten);
        ForgetRowGroup();
    }

    private void ForgetRowGroup()
    {
        _sidecar.EndRowGroup(Memory);
        Stage.ClearDictionaries();
        _lastIds.Add(_ids.Last);
        _rowsInGroup = _spansInGroup = 0;
        if (_lender is { IsWaitedFor: true } && TakeMemory() is { } memory) _lender.Return(memory, isCut: false);
    }
}

/// <summary>How a block is laid out.</summary>
public sealed record BlockWriterOptions
{
    /// <summary>
    /// Spans after which all columns get a new page. A page is what a look-up by id must read of each column, and what a
    /// scan works on at a time: small enough for the L2 cache, large enough for the codec.
    /// </summary>
    public int PageSpans { get; init; } = 16 * 1024;

    /// <summary>
    /// Bytes of text after which a page ends even with fewer spans: 320 a span. What a page has is held several times while it
    /// is written (stage, dictionary, page, codec), and again by who reads it: a merge reads one of each input. Ordinary spans have
    /// some 250.
    /// </summary>
    public long PageTextBytes { get; init; } = 5 << 20;

    /// <summary>Attributes, events and links after which a page ends even with fewer spans: 64 a span.</summary>
    public long PageEntries { get; init; } = 1 << 20;

    /// <summary>Spans of a row group, the unit in which a search is shared out.</summary>
    public int RowGroupSpans { get; init; } = 300_000;

    /// <summary>
    /// Compressed bytes after which a row group ends even with fewer spans (storage.trace.block.parquet_row_group_size_bytes).
    /// </summary>
    public long RowGroupBytes { get; init; } = 100_000_000;

    /// <summary>Distinct text of all columns, in bytes, after which a row group ends: the writer holds all of it until then.</summary>
    public long RowGroupDictionaryBytes { get; init; } = 16 << 20;

    /// <summary>zstd level: low when live data is cut, higher when blocks are compacted.</summary>
    public int ZstdLevel { get; init; } = 3;

    /// <summary>Those that <see cref="Version"/> has no room for are stored as other attributes are.</summary>
    public DedicatedColumns DedicatedColumns { get; init; } = DedicatedColumns.None;

    /// <summary>One that can be written.</summary>
    public BlockVersion Version { get; init; } = BlockVersion.Default;

    /// <summary>The same version with the same dedicated columns, which are compared by what they say.</summary>
    internal bool HasColumnsOf(BlockWriterOptions other) =>
        Version == other.Version && DedicatedColumns.Specs.SequenceEqual(other.DedicatedColumns.Specs);
}

/// <summary>What a written data.parquet holds.</summary>
/// <param name="SizeBytes">Of the file.</param>
/// <param name="FooterSizeBytes">Of its thrift footer.</param>
/// <param name="Ids">The trace ids, ascending.</param>
/// <param name="LastIds">The last trace id of each row group.</param>
/// <param name="SpanCount">Spans.</param>
/// <param name="StartUnixNano">Start of the first span that counts.</param>
/// <param name="EndUnixNano">End of the last span that counts.</param>
public sealed record BlockContent(
    long SizeBytes,
    int FooterSizeBytes,
    TraceIdLog Ids,
    IReadOnlyList<TraceId> LastIds,
    long SpanCount,
    ulong StartUnixNano,
    ulong EndUnixNano) : IDisposable
{
    internal SidecarBuilder Sidecar { get; init; } = null!;

    /// <summary>Of traces that do not count, or not all of them; null if there are none.</summary>
    public StrayTimes? Stray { get; init; }

    /// <summary>Writes the object that goes beside the data in a block of this id, from the stream's beginning; it can seek.</summary>
    public void WriteSidecar(BlockId id, Stream output) => Sidecar.WriteTo(output, id, SizeBytes, Ids);

    /// <summary>The same in memory.</summary>
    public byte[] ToSidecar(BlockId id)
    {
        using var output = new MemoryStream();
        WriteSidecar(id, output);
        return output.ToArray();
    }

    public void Dispose()
    {
        Ids.Dispose();
        Sidecar.Dispose();
    }
}
