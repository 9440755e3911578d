using System.Text;
using Tempo.Engine.Foundation;
using Xunit;

namespace Tempo.Storage.Tests.Write;

public class TraceIdTextTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 0xab)]
    [InlineData(0, ulong.MaxValue)]
    [InlineData(1, 2)]
    [InlineData(ulong.MaxValue, 0)]
    public void Bytes_and_text_are_the_same(ulong high, ulong low)
    {
        var id = new TraceId(high, low);
        var bytes = new byte[32];
        Assert.Equal(id.ToShortString(), Encoding.ASCII.GetString(bytes, 0, id.WriteShortText(bytes)));
    }
}
