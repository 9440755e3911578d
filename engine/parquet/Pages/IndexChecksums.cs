using System.Buffers.Binary;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Checksums of the page indexes, which the format leaves without any: an entry of the footer's key-value metadata, which other
/// readers pass over.
/// <code>
/// "tempo.page-index-crc32c": base64 of, for each row group and in it for each leaf
///     u32le CRC-32C of the column index (0: none)   u32le CRC-32C of the offset index
/// </code>
/// </summary>
internal sealed class IndexChecksums
{
    public const string Key = "tempo.page-index-crc32c";
    private const int EntrySizeBytes = 8;
    private byte[] _entries = [];
    private int _length;

    private IndexChecksums(byte[] entries) => (_entries, _length) = (entries, entries.Length);

    /// <summary>For a file that is being written.</summary>
    public IndexChecksums()
        : this([])
    {
    }

    /// <summary>Those of a file; null if it has none, or not as many as it has chunks.</summary>
    public static IndexChecksums? Read(FileMetaData footer)
    {
        if (!footer.KeyValues.TryGetValue(Key, out var text)) return null;
        var entries = new byte[text.Length / 4 * 3];
        if (!Convert.TryFromBase64String(text, entries, out var length)
            || length != (long)footer.RowGroups.Count * footer.Schema.Columns.Count * EntrySizeBytes)
            return null;
        return new IndexChecksums(entries);
    }

    public void SetColumnIndex(int chunk, ReadOnlySpan<byte> index) => Set(chunk, 0, index);

    public void SetOffsetIndex(int chunk, ReadOnlySpan<byte> index) => Set(chunk, 4, index);

    public bool IsColumnIndex(int chunk, ReadOnlySpan<byte> index) => Is(chunk, 0, index);

    public bool IsOffsetIndex(int chunk, ReadOnlySpan<byte> index) => Is(chunk, 4, index);

    public override string ToString() => Convert.ToBase64String(_entries.AsSpan(0, _length));

    private void Set(int chunk, int place, ReadOnlySpan<byte> index)
    {
        var at = chunk * EntrySizeBytes + place;
        _length = Math.Max(_length, (chunk + 1) * EntrySizeBytes);
        if (_entries.Length < _length) Array.Resize(ref _entries, Math.Max(_length, _entries.Length * 2));
        BinaryPrimitives.WriteUInt32LittleEndian(_entries.AsSpan(at), Crc32C.Compute(index));
    }

    private bool Is(int chunk, int place, ReadOnlySpan<byte> index) =>
        BinaryPrimitives.ReadUInt32LittleEndian(_entries.AsSpan(chunk * EntrySizeBytes + place)) == Crc32C.Compute(index);
}
