namespace Tempo.Engine.Parquet;

/// <summary>A chunk that stands in the file, with what is written about it at the end.</summary>
internal sealed record WrittenChunk(
    ParquetColumn Column,
    ColumnChunkMetaData MetaData,
    PageLocation[] Pages,
    ColumnIndex? Index,
    PageEncodingCount[] Encodings);
