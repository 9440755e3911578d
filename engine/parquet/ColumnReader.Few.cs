using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Parquet;

// A few rows of a large chunk, as a look-up of a trace wants them: of the dictionary only the entries that they name, and of its
// compressed bytes no more than leads to the last of these.
public sealed partial class ColumnReader
{
    /// <summary>The chunk has at least this many times the rows: for more the whole dictionary is no waste.</summary>
    private const int FewRowsShare = 16;

    /// <summary>Values beyond which the whole dictionary is read.</summary>
    private const int MaxFewValues = 4096;

    /// <summary>Of a dictionary, uncompressed; the library holds as much again while it works on it.</summary>
    private const int MaxFrontBytes = 16 << 20;

    /// <summary>One block of a zstd frame: the least that is decompressed at once.</summary>
    private const int FrontStepBytes = 128 << 10;

    private bool _isReadingFew;
    private bool _hasReadFew;

    // Once: who comes again for other rows will come for the rest, too.
    private bool BeginFew(long rowCount)
    {
        if (_isDictionaryRead || _hasReadFew || !Chunk.IsDictionaryOnly || rowCount * FewRowsShare > RowCount) return false;
        _hasReadFew = true;
        if (_cache is not { } cache) return true;
        if (cache.Find(_file, ChunkIndex, out var isWanted) is { } kept) (_dictionary, _isDictionaryRead) = (kept, true);
        // Not the first look-up here: the others to come will find it whole.
        else if (isWanted && ReadDictionary() is { } read)
        {
            cache.Keep(_file, ChunkIndex, read);
            (_dictionary, _isDictionaryRead) = (read, true);
        }

        return !_isDictionaryRead;
    }

    /// <summary>The values of a range by a part of the dictionary; false, with nothing done, if that must be read whole.</summary>
    private bool TryDecodeFew(ReadOnlySpan<byte> body, in ValueRange range, ColumnData target)
    {
        if (range.Count > MaxFewValues) return false;
        if (range.Count == 0) return true;
        Span<int> indices = stackalloc int[range.Count];
        Span<int> ascending = stackalloc int[range.Count];
        DecodeRawIndices(body, indices, range);
        indices.CopyTo(ascending);
        ascending.Sort();
        var count = 1;
        for (var i = 1; i < ascending.Length; i++)
            if (ascending[i] != ascending[count - 1])
                ascending[count++] = ascending[i];
        ascending = ascending[..count];
        if (ascending[0] < 0) Fail("a negative index");
        ReadEntries(ascending, indices, target);
        return true;
    }

    private void ReadEntries(ReadOnlySpan<int> entries, ReadOnlySpan<int> indices, ColumnData target)
    {
        using var window = OpenDictionary(out var offset, out var header, out var headerSizeBytes);
        if (window is null)
        {
            Fail("indices into a dictionary that the chunk does not have");
            return;
        }

        if (header.Encoding is not (PageEncoding.Plain or PageEncoding.PlainDictionary))
            Fail($"a dictionary in encoding {(int)header.Encoding}, which is not supported");
        if (entries[^1] >= header.ValueCount) Fail($"an index beyond the dictionary's {header.ValueCount} entries");
        var compressed = CheckBody(header, window.Fetch(offset + headerSizeBytes, header.CompressedSizeBytes));
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(1, header.UncompressedSizeBytes));
        try
        {
            var front = new DictionaryFront(this, header, compressed, buffer.AsSpan(0, header.UncompressedSizeBytes));
            if (PhysicalWidthBytes == 0) TakeStrings(ref front, entries, indices, target);
            else TakeFixed(ref front, entries, indices, target);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void TakeStrings(ref DictionaryFront front, ReadOnlySpan<int> entries, ReadOnlySpan<int> indices, ColumnData target)
    {
        var table = target.GrowableTable();
        var (entry, at) = (0, 0);
        foreach (var wanted in entries)
        {
            for (; ; entry++)
            {
                var length = BinaryPrimitives.ReadUInt32LittleEndian(front.Take(at, 4));
                if (length > ParquetLimits.MaxPageBytes) Fail($"a string of {length} bytes in the dictionary");
                at += 4;
                if (entry == wanted) table.Append(front.Take(at, (int)length));
                at += (int)length;
                if (entry != wanted) continue;
                entry++;
                break;
            }
        }

        var codes = target.AddCodes(indices.Length);
        for (var i = 0; i < codes.Length; i++) codes[i] = entries.BinarySearch(indices[i]);
    }

    private void TakeFixed(ref DictionaryFront front, ReadOnlySpan<int> entries, ReadOnlySpan<int> indices, ColumnData target)
    {
        var width = PhysicalWidthBytes;
        var all = front.Take(0, checked((entries[^1] + 1) * width));
        switch (Column.Type)
        {
            case PhysicalType.Int32: Gather(indices, MemoryMarshal.Cast<byte, int>(all), target.AddInt32s(indices.Length)); break;
            case PhysicalType.Int64: Gather(indices, MemoryMarshal.Cast<byte, long>(all), target.AddInt64s(indices.Length)); break;
            case PhysicalType.Double: Gather(indices, MemoryMarshal.Cast<byte, double>(all), target.AddDoubles(indices.Length)); break;
            case PhysicalType.Float:
                var floats = MemoryMarshal.Cast<byte, float>(all);
                var doubles = target.AddDoubles(indices.Length);
                for (var i = 0; i < doubles.Length; i++) doubles[i] = floats[indices[i]];
                break;
            default:
                var table = target.GrowableTable();
                foreach (var entry in entries) table.Append(all.Slice(entry * width, width));
                var codes = target.AddCodes(indices.Length);
                for (var i = 0; i < codes.Length; i++) codes[i] = entries.BinarySearch(indices[i]);
                break;
        }
    }

    /// <summary>The uncompressed bytes of a dictionary, which come as far as somebody asks for them.</summary>
    private ref struct DictionaryFront
    {
        private readonly ColumnReader _reader;
        private readonly ReadOnlySpan<byte> _compressed;
        private readonly Span<byte> _bytes;
        private ZstdFront _front;
        private int _available;

        public DictionaryFront(ColumnReader reader, in PageHeader header, ReadOnlySpan<byte> compressed, Span<byte> bytes)
        {
            _reader = reader;
            _compressed = compressed;
            _bytes = bytes;
            if (reader.Chunk.Codec == CompressionCodec.Zstd && !header.IsUncompressed
                && bytes.Length is > FrontStepBytes and <= MaxFrontBytes)
                return;
            if (!TryDecompress(header.IsUncompressed ? CompressionCodec.Uncompressed : reader.Chunk.Codec, compressed, bytes)) Fail();
            _available = bytes.Length;
        }

        public ReadOnlySpan<byte> Take(int at, int count)
        {
            if (count > _bytes.Length - at) _reader.Fail("the dictionary ends early");
            if (at + count > _available)
            {
                _available = (int)Math.Min((at + (long)count + FrontStepBytes - 1) / FrontStepBytes * FrontStepBytes, _bytes.Length);
                if (!Zstd.TryDecompressFront(_compressed, _bytes, _available, ref _front)) Fail();
            }

            return _bytes.Slice(at, count);
        }

        private readonly void Fail() =>
            _reader.Fail($"the {_reader.Chunk.Codec} data of the dictionary is damaged, or not of {_bytes.Length} bytes");
    }
}
