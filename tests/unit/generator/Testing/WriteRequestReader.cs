using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Generator.Tests.Testing;

/// <summary>A series of a remote write message as a test wants it.</summary>
internal sealed record WrittenSeries(
    string Labels, List<(double Value, long UnixMs)> Samples, List<(string Labels, double Value, long UnixMs)> Exemplars, int Histograms,
    int Type = 0);

/// <summary>
/// Reads remote write messages of both versions, by their published field numbers, independently of the encoder, and
/// holds them to what receivers demand: sorted distinct labels, no empty ones, a name.
/// </summary>
internal static class WriteRequestReader
{
    public static List<WrittenSeries> ReadBlock(ReadOnlySpan<byte> block, bool isVersion2 = false)
    {
        using var plain = new NativeBuffer();
        Assert.Equal(DecompressStatus.Done, Snappy.Decompress(block, plain, 1 << 30));
        return Read(plain.Written.ToArray(), isVersion2);
    }

    public static List<WrittenSeries> Read(byte[] message, bool isVersion2 = false)
    {
        var fields = Fields(message);
        var symbols = fields.Where(static f => f.Number == 4).Select(static f => Encoding.UTF8.GetString(f.Bytes)).ToArray();
        if (isVersion2) Assert.Equal("", symbols[0]);
        return [.. fields.Where(f => f.Number == (isVersion2 ? 5 : 1))
            .Select(f => isVersion2 ? SeriesV2(f.Bytes, symbols) : Series(f.Bytes))];
    }

    private static WrittenSeries Series(byte[] message)
    {
        var fields = Fields(message);
        return new WrittenSeries(
            Labels([.. fields.Where(static f => f.Number == 1).Select(static f => Label(f.Bytes))], isSeries: true),
            [.. fields.Where(static f => f.Number == 2).Select(static f => Sample(f.Bytes, 1, 2))],
            [.. fields.Where(static f => f.Number == 3)
                .Select(static f => Exemplar(f.Bytes, e => [.. e.Where(static l => l.Number == 1).Select(static l => Label(l.Bytes))]))],
            fields.Count(static f => f.Number == 4));
    }

    private static WrittenSeries SeriesV2(byte[] message, string[] symbols)
    {
        var fields = Fields(message);
        return new WrittenSeries(
            Labels(References(fields.Single(static f => f.Number == 1).Bytes, symbols), isSeries: true),
            [.. fields.Where(static f => f.Number == 2).Select(static f => Sample(f.Bytes, 1, 2))],
            [.. fields.Where(static f => f.Number == 4)
                .Select(f => Exemplar(f.Bytes, e => References(e.Single(static l => l.Number == 1).Bytes, symbols)))],
            fields.Count(static f => f.Number == 3),
            (int)Fields(fields.Single(static f => f.Number == 5).Bytes).Single(static f => f.Number == 1).Bits);
    }

    private static (string, string)[] References(byte[] packed, string[] symbols)
    {
        List<string> texts = [];
        for (var i = 0; i < packed.Length;)
        {
            i += Varint.Decode(packed.AsSpan(i), out var reference);
            texts.Add(symbols[reference]);
        }

        return [.. texts.Chunk(2).Select(static pair => (pair[0], pair[1]))];
    }

    private static (string, double, long) Exemplar(byte[] message, Func<List<Field>, (string, string)[]> labels)
    {
        var (value, unixMs) = Sample(message, 2, 3);
        return (Labels(labels(Fields(message)), isSeries: false), value, unixMs);
    }

    private static (double Value, long UnixMs) Sample(byte[] message, int value, int time)
    {
        var fields = Fields(message);
        return (BitConverter.UInt64BitsToDouble(fields.Single(f => f.Number == value).Bits),
            (long)fields.Single(f => f.Number == time).Bits);
    }

    private static (string, string) Label(byte[] message)
    {
        var fields = Fields(message);
        return (Encoding.UTF8.GetString(fields.Single(static f => f.Number == 1).Bytes),
            Encoding.UTF8.GetString(fields.Single(static f => f.Number == 2).Bytes));
    }

    private static string Labels((string Name, string Value)[] labels, bool isSeries)
    {
        Assert.Equal(labels.Select(static l => l.Name).Distinct().Order(StringComparer.Ordinal), labels.Select(static l => l.Name));
        Assert.DoesNotContain(labels, static l => l.Value.Length == 0 || l.Name.Length == 0);
        if (!isSeries) return string.Join(',', labels.Select(static l => $"{l.Name}={l.Value}"));
        var name = labels.Single(static l => l.Name == "__name__").Value;
        return $"{name}{{{string.Join(',', labels.Where(static l => l.Name != "__name__").Select(static l => $"{l.Name}=\"{l.Value}\""))}}}";
    }

    private static List<Field> Fields(byte[] message)
    {
        List<Field> fields = [];
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            ulong bits = 0;
            ReadOnlySpan<byte> bytes = [];
            Assert.True((tag & 7) switch
            {
                0 => reader.TryReadVarint(out bits),
                1 => reader.TryReadFixed64(out bits),
                2 => reader.TryReadBytes(out bytes),
                _ => false
            });
            fields.Add(new Field((int)(tag >> 3), bits, bytes.ToArray()));
        }

        Assert.False(reader.HasFailed);
        return fields;
    }

    private sealed record Field(int Number, ulong Bits, byte[] Bytes);
}
