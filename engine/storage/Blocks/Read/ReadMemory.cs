using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// What reading needs between the bytes of a page and the columns of a batch: a column at a time, so any number of row groups
/// that are read by one thread, one after the other, need it once. Some MB after a page of many attributes.
/// </summary>
public sealed class ReadMemory
{
    /// <summary>The column that was loaded last.</summary>
    internal ColumnData Column { get; } = new();

    /// <summary>The page that was fetched last without being decoded.</summary>
    internal EncodedPage Page { get; } = new();

    /// <summary>Of the attribute group that is being read: what is an array, and where the values of a leaf begin.</summary>
    internal byte[] IsArray = [];
    internal int[] Starts = [];
}
