using Tempo.Engine.Parquet;

namespace Tempo.Format.Tests;

/// <summary>How a foreign writer lays a file out: everything that the format leaves free.</summary>
internal sealed record ForeignStyle(string Name)
{
    /// <summary>
    /// Data page version 2, snappy or none, an encoding for each leaf, pages that end at other rows in each: as Tempo does.
    /// </summary>
    public static readonly ForeignStyle Tempo = new("tempo") { PageVersion = 2, FollowsListing = true, HasChecksums = false };

    public static readonly ForeignStyle PlainGzip = new("plain-gzip-v1") { Codec = CompressionCodec.Gzip, Encoding = ValueEncoding.Plain };

    public static readonly ForeignStyle DictionaryZstd =
        new("dictionary-zstd-v2") { PageVersion = 2, Codec = CompressionCodec.Zstd, Encoding = ValueEncoding.Dictionary };

    public static readonly ForeignStyle DeltaNone =
        new("delta-none-v1") { Codec = CompressionCodec.Uncompressed, Encoding = ValueEncoding.Delta };

    public static readonly ForeignStyle PrefixLz4 =
        new("prefix-lz4-v2") { PageVersion = 2, Codec = CompressionCodec.Lz4Raw, Encoding = ValueEncoding.Prefix };

    public static readonly ForeignStyle[] All = [Tempo, PlainGzip, DictionaryZstd, DeltaNone, PrefixLz4];

    public int PageVersion { get; init; } = 1;

    /// <summary>For all leaves; with <see cref="FollowsListing"/> each has its own.</summary>
    public CompressionCodec Codec { get; init; }

    public ValueEncoding Encoding { get; init; }

    public bool FollowsListing { get; init; }

    public bool HasChecksums { get; init; } = true;

    /// <summary>Bounds of pages and chunks for all leaves; else for TraceID alone.</summary>
    public bool HasBounds { get; init; } = true;

    public override string ToString() => Name;
}

/// <summary>How values are stored, where their type has it; else PLAIN.</summary>
internal enum ValueEncoding
{
    Plain,
    Dictionary,
    Delta,
    Prefix,
}
