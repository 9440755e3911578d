using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Catalog;

/// <summary>Where a name of a catalog stands; the numbers are in files. The first five are <see cref="AttributeScope"/>'s.</summary>
public enum CatalogScope : byte
{
    Span = 0,
    Resource,
    Scope,
    Event,
    Link,

    /// <summary>Texts that are no attributes: see <see cref="CatalogIntrinsics"/>.</summary>
    Intrinsic,
}

/// <summary>Names of the intrinsic texts that catalogs and filters hold.</summary>
public static class CatalogIntrinsics
{
    public static ReadOnlySpan<byte> Name => "name"u8;
    public static ReadOnlySpan<byte> StatusMessage => "statusMessage"u8;
    public static ReadOnlySpan<byte> RootName => "rootName"u8;
    public static ReadOnlySpan<byte> RootServiceName => "rootServiceName"u8;
    public static ReadOnlySpan<byte> EventName => "event:name"u8;
    public static ReadOnlySpan<byte> InstrumentationName => "instrumentation:name"u8;
    public static ReadOnlySpan<byte> InstrumentationVersion => "instrumentation:version"u8;
}
