using System.Reflection;

namespace Tempo.SimdBloom.Tests;

/// <summary>
/// The library is usable alone, so its public face is written down in simd-bloom/PublicApi.txt and changes only together
/// with that file. On a mismatch the test leaves the real list beside its binary as PublicApi.actual.txt.
/// </summary>
public class PublicApiTests
{
    [Fact]
    public void IsWhatTheFileSays()
    {
        var actual = Lines().ToArray();
        File.WriteAllLines(Path.Combine(AppContext.BaseDirectory, "PublicApi.actual.txt"), actual);
        Assert.Equal(File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "PublicApi.txt")), actual);
    }

    private static IEnumerable<string> Lines()
    {
        const BindingFlags declared = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        foreach (var type in typeof(TempoBloomBuilder).Assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            yield return type.FullName!;
            var members = type.GetMembers(declared)
                // Accessors stand with their property; what the compiler gives every record is no news.
                .Where(member => member is not MethodInfo { IsSpecialName: true } && !IsRecordMember(member))
                .Select(Describe)
                .Order(StringComparer.Ordinal);
            foreach (var member in members) yield return "  " + member;
        }
    }

    private static bool IsRecordMember(MemberInfo member) => member.Name is "Equals" or "GetHashCode" or "ToString";

    private static string Describe(MemberInfo member) => member switch
    {
        FieldInfo { IsLiteral: true } field => $"const {field.FieldType.Name} {field.Name} = {field.GetRawConstantValue()}",
        ConstructorInfo constructor => $"new({Parameters(constructor)})",
        PropertyInfo property => $"{Static(property.GetMethod!)}{TypeName(property.PropertyType)} {property.Name} {{ get; }}",
        MethodInfo method => $"{Static(method)}{TypeName(method.ReturnType)} {method.Name}({Parameters(method)})",
        _ => member.ToString()!,
    };

    private static string Static(MethodBase method) => method.IsStatic ? "static " : "";

    private static string Parameters(MethodBase method) =>
        string.Join(", ", method.GetParameters().Select(parameter => $"{TypeName(parameter.ParameterType)} {parameter.Name}"));

    private static string TypeName(Type type) => type.IsGenericType
        ? $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", type.GetGenericArguments().Select(TypeName))}>"
        : type.Name;
}
