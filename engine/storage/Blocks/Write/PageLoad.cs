namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// What the rows staged for a page amount to, beside spans. A page that grew with what spans carry could not be read again
/// (<see cref="Parquet.ParquetLimits"/>), so it ends by these, too.
/// </summary>
internal sealed class PageLoad
{
    /// <summary>Bytes of text, repeated values counted each time: what the page's columns hold without their dictionaries.</summary>
    public long TextBytes;

    /// <summary>Attributes, their array items, events and links.</summary>
    public long EntryCount;

    public void Clear() => TextBytes = EntryCount = 0;
}
