using Tempo.Host.Config;
using Xunit;

namespace Tempo.Host.Tests.Config;

public class ConfigSchemaTests
{
    // A key below a subtree that ends the walk could never be reached.
    [Fact]
    public void NoKeyIsHiddenByAnotherOne()
    {
        var ends = ConfigSchema.Keys.Where(k => k is not ConfigSection).Select(k => k.Path).ToHashSet();
        Assert.Empty(ConfigSchema.Keys.Where(k => ends.Any(end => k.Path.StartsWith(end + ".", StringComparison.Ordinal)))
            .Select(k => k.Path));
    }
}
