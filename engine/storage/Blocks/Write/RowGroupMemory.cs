using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Sidecar;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// What a row group is built in: the rows of a page, the compressed pages and dictionaries of all columns, what the sidecar counts. Some
/// tens of MB once it has grown to its size, and empty between two row groups, so that blocks can take turns in it. One thread at a time.
/// </summary>
internal sealed class RowGroupMemory
{
    /// <summary>
    /// What has held more than this, in text of a page or of a dictionary, or compressed, is not used again: what is kept is what ordinary
    /// blocks need.
    /// </summary>
    private const long MaxReusableBytes = 48 << 20;

    /// <summary>The same for entries of a page.</summary>
    private const long MaxReusableEntries = 2 << 20;

    private readonly BlockWriterOptions _options;

    /// <param name="options">Of the first block; others of the same columns may follow.</param>
    /// <param name="schema">Of these columns, the same object for all memory that a file is written with.</param>
    public RowGroupMemory(BlockWriterOptions options, ParquetSchema schema)
    {
        (_options, Schema) = (options, schema);
        Columns = new BlockColumns(schema, new ParquetWriterOptions(), options.Version, options.ZstdLevel);
        Stage = new TraceStage(options.Version, options.Version.Supported(options.DedicatedColumns));
    }

    public ParquetSchema Schema { get; }

    public BlockColumns Columns { get; }

    public TraceStage Stage { get; }

    public SidecarMemory Sidecar { get; } = new();

    /// <summary>False once it has taken far more than ordinary blocks need.</summary>
    public bool IsReusable { get; private set; } = true;

    public static ParquetSchema SchemaOf(BlockWriterOptions options) =>
        options.Version.BuildSchema(options.Version.Supported(options.DedicatedColumns));

    public bool HasColumnsOf(BlockWriterOptions options) => options.HasColumnsOf(_options);

    /// <summary>To be called while a page and all of its row group's are held.</summary>
    public void NoteSize() =>
        IsReusable &= Stage.Load.TextBytes + Columns.DictionaryBytes + Columns.SizeBytes <= MaxReusableBytes
            && Stage.Load.EntryCount <= MaxReusableEntries;

    /// <summary>Forgets a row group that was begun.</summary>
    public void Clear()
    {
        Sidecar.Clear();
        Columns.Reset();
        Stage.Clear();
        Stage.ClearDictionaries();
    }
}
