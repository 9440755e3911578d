using System.Buffers.Binary;
using System.Text;

namespace Tempo.SimdBloom.Tests;

public class XxHash64Tests
{
    [Theory] // Published vectors; between them they take every branch: empty, single bytes, a 4-byte step, 8-byte steps, stripes.
    [InlineData("", 0xEF46DB3751D8E999)]
    [InlineData("a", 0xD24EC4F1A98C6E5B)]
    [InlineData("abc", 0x44BC2CF5AD770999)]
    [InlineData("asdf", 0x415872F599CEA71E)]
    [InlineData("Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1)]
    public void PublishedVectors(string text, ulong expected) =>
        Assert.Equal(expected, XxHash64.Hash(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void AnEightByteValueHashesAsItsLittleEndianBytes()
    {
        var random = new Random(1);
        Span<byte> bytes = stackalloc byte[8];
        for (var i = 0; i < 100; i++)
        {
            random.NextBytes(bytes);
            var seed = (ulong)random.NextInt64();
            Assert.Equal(XxHash64.Hash(bytes, seed), XxHash64.Hash(BinaryPrimitives.ReadUInt64LittleEndian(bytes), seed));
        }
    }
}
