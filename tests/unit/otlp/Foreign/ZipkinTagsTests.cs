using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Foreign.Zipkin;
using Xunit;

namespace Tempo.Otlp.Tests.Foreign;

/// <summary>Tags that are taken without the JSON reader are what it finds. A blank behind the brace is what sends it there.</summary>
public class ZipkinTagsTests
{
    private const string Begin = "[{\"traceId\":\"1\",\"id\":\"2\",\"tags\":{";

    private static (bool IsRead, byte[] Request) Read(byte[] json)
    {
        using var output = new NativeBuffer();
        var isRead = ZipkinReader.TryTranscode(ZipkinFormat.V2Json, json, 1, output, out _);
        return (isRead, isRead ? output.Written.ToArray() : []);
    }

    private static void AssertSame(ReadOnlySpan<byte> tags)
    {
        var quick = Read([.. Encoding.ASCII.GetBytes(Begin), .. tags]);
        var slow = Read([.. Encoding.ASCII.GetBytes(Begin + " "), .. tags]);
        Assert.True(quick.IsRead == slow.IsRead && quick.Request.AsSpan().SequenceEqual(slow.Request), Encoding.UTF8.GetString(tags));
    }

    [Theory]
    [InlineData("\"a\":\"b\"}}]")]
    [InlineData("\"a\":\"b\",}}]")]
    [InlineData("\"a\":\"b\" ,\"c\":\"d\"}}]")]
    [InlineData("\"a\":\"b\",\"c\":\"d\" }}]")]
    [InlineData("\"a\":\"b\",\"c\":1}}]")]
    [InlineData("\"a\":\"b\",\"c\":\"d\\u00e4\",\"e\":\"f\"}}]")]
    [InlineData("\"a\":\"b\",\"c\\n\":\"d\",\"e\":\"f\"}}]")]
    [InlineData("\"a\":\"b\",\"c\":\"d\",\"error\":\"x\"},\"name\":\"n\",\"tags\":{\"g\":\"h\"}}]")]
    [InlineData("\"a\":\"b\"\"c\":\"d\"}}]")]
    [InlineData("\"a\",\"c\":\"d\"}}]")]
    [InlineData("\"a\":\"b\tc\",\"c\":\"d\"}}]")]
    [InlineData("\"\":\"\",\"0123456789012345678901234567890123456789012345678901234567890123456789\":\"0123456789012345678901234567890123456789\"}}]")]
    [InlineData("\"a\":\"b\"}}")]
    [InlineData("\"a\":\"b\"")]
    public void What_stands_where_a_tag_may_stand_is_read_alike(string tags)
    {
        AssertSame(Encoding.UTF8.GetBytes(tags));
        AssertSame(Encoding.UTF8.GetBytes(tags + new string(' ', 64)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_byte_is_another_it_is_read_alike(int seed)
    {
        var random = new Random(seed);
        const string usual = "\"\"\"\"::,,{}[]\\ \t\u0001aé0";
        for (var round = 0; round < 5000; round++)
        {
            var text = new StringBuilder();
            for (var i = random.Next(1, 6); i > 0; i--)
                text.Append('"').Append('k', random.Next(0, 40)).Append("\":\"").Append('v', random.Next(0, 80))
                    .Append(i > 1 ? "\"," : "\"");
            var bytes = Encoding.UTF8.GetBytes(text + "}}]" + new string(' ', random.Next(0, 40)));
            for (var changes = random.Next(0, 4); changes > 0; changes--)
                bytes[random.Next(bytes.Length)] = (byte)usual[random.Next(usual.Length)];
            AssertSame(bytes);
        }
    }

    [Fact]
    public void A_place_behind_tags_counts_from_the_beginning()
    {
        var json = Begin + "\"a\":\"b\",\"c\":\"d\"},\"name\":7}]" + new string(' ', 64);
        using var output = new NativeBuffer();
        Assert.False(ZipkinReader.TryTranscode(ZipkinFormat.V2Json, Encoding.UTF8.GetBytes(json), 1, output, out var error));
        Assert.Equal($"name as a string is expected at byte {json.IndexOf('7', StringComparison.Ordinal)}", error);
    }
}
