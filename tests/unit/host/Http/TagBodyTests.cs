using System.Buffers;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Tags;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

public class TagBodyTests
{
    private static TagNamesResult Names()
    {
        var result = new TagNamesResult { InspectedBytes = 630188 };
        result.Scopes.AddRange(
            [new TagScopeNames("resource", ["cluster", "service.name"]), new TagScopeNames("span", ["<a>", "cluster"]),
                new TagScopeNames("intrinsic", ["duration"])]);
        return result;
    }

    private static TagValuesResult Values()
    {
        var result = new TagValuesResult { InspectedBytes = 300 };
        result.Values.AddRange([new("string", ""), new("string", "a\"b"), new("int", "200"), new("bool", "false")]);
        return result;
    }

    private static string Json(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static string Protobuf(Action<NativeBuffer> write)
    {
        using var output = new NativeBuffer();
        write(output);
        return Convert.ToHexStringLower(output.Written);
    }

    [Fact]
    public void NamesOfAllScopesAreOneList()
    {
        Assert.Equal(["<a>", "cluster", "service.name"], TagNamesEndpoint.Flatten(Names(), "", 0));
        Assert.Equal(["<a>", "cluster"], TagNamesEndpoint.Flatten(Names(), "", 2));
        var intrinsics = new TagNamesResult();
        intrinsics.Scopes.Add(new TagScopeNames("intrinsic", ["duration"]));
        Assert.Equal(["duration"], TagNamesEndpoint.Flatten(intrinsics, "intrinsic", 0));
    }

    [Fact]
    public void JsonOfNames()
    {
        Assert.Equal(
            """{"tagNames":["a"],"metrics":{"inspectedBytes":"5"}}""", Json(static output => TagJson.WriteNames(["a"], 5, output)));
        Assert.Equal("""{"tagNames":[],"metrics":{}}""", Json(static output => TagJson.WriteNames([], 0, output)));
        Assert.Equal(
            """{"scopes":[{"name":"resource","tags":["cluster","service.name"]},{"name":"span","tags":["\u003ca\u003e","cluster"]},{"name":"intrinsic","tags":["duration"]}],"metrics":{"inspectedBytes":"630188"}}""",
            Json(static output => TagJson.WriteScopes(Names(), output)));
        Assert.Equal("""{"scopes":[],"metrics":{}}""", Json(static output => TagJson.WriteScopes(new TagNamesResult(), output)));
    }

    [Fact]
    public void JsonOfValues()
    {
        Assert.Equal("""{"tagValues":["","a\"b","200","false"],"metrics":{"inspectedBytes":"300"}}""",
            Json(static output => TagJson.WriteValues(Values(), output)));
        Assert.Equal(
            """{"tagValues":[{"type":"string"},{"type":"string","value":"a\"b"},{"type":"int","value":"200"},{"type":"bool","value":"false"}],"metrics":{"inspectedBytes":"300"}}""",
            Json(static output => TagJson.WriteTypedValues(Values(), output)));
        Assert.Equal("""{"tagValues":[],"metrics":{}}""", Json(static output => TagJson.WriteTypedValues(new TagValuesResult(), output)));
        Assert.Equal(
            """{"tagValues":{"string":["","a\"b"],"int":["200"],"bool":["false"]},"metrics":{"inspectedBytes":300}}""",
            Json(static output => TagJson.WriteForModels(Values(), output)));
    }

    [Fact]
    public void ProtobufOfNamesAndValues()
    {
        Assert.Equal("0a0161" + "0a00" + "1202" + "0805", Protobuf(static output => TagProtobuf.WriteTexts(["a", ""], 5, output)));
        Assert.Equal("1200", Protobuf(static output => TagProtobuf.WriteTexts([], 0, output)));
        var names = new TagNamesResult();
        names.Scopes.Add(new TagScopeNames("s", ["a", "b"]));
        Assert.Equal("0a09" + "0a0173" + "120161" + "120162" + "1200", Protobuf(output => TagProtobuf.WriteScopes(names, output)));
        var values = new TagValuesResult();
        values.Values.AddRange([new("int", "1"), new("string", "")]);
        Assert.Equal("0a08" + "0a03696e74" + "120131" + "0a08" + "0a06737472696e67" + "1200",
            Protobuf(output => TagProtobuf.WriteTypedValues(values, output)));
    }
}
